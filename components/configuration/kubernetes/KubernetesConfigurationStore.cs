using System.Collections.Frozen;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Configuration.Kubernetes;

/// <summary>
/// <c>configuration.kubernetes</c>: the keys of a ConfigMap in the sidecar's namespace, held in a copy that a watch keeps up to date
/// (contract: components 7.4). The pod's service account must be allowed to <c>list</c> and <c>watch</c> that ConfigMap.
/// </summary>
internal sealed class KubernetesConfigurationStore : IConfigurationStore
{
    private const string DefaultNamespace = "default";

    private static readonly MetadataField<string> ConfigMapName = Field.Text("configMapName", "The ConfigMap.", required: true);

    private static readonly MetadataField<string> KubeConfigPath = Field.Text(
        "kubeconfigPath", "The kubeconfig file to use outside of a cluster; the variable KUBECONFIG and ~/.kube/config when it is left out.");

    private static readonly MetadataField<TimeSpan> ResyncPeriod = Field.Duration(
        "resyncPeriod", "Accepted for manifests that have it; changes are watched, so there is nothing to be repeated.", TimeSpan.Zero);

    private static readonly FrozenDictionary<string, string> Binary = new Dictionary<string, string> { ["encoding"] = "base64" }.ToFrozenDictionary();
    private static readonly ConfigurationItem Deleted = new("", "") { Metadata = new Dictionary<string, string> { ["deleted"] = "true" }.ToFrozenDictionary() };

    private readonly Lock gate = new();
    private readonly List<ConfigurationUpdates> subscriptions = [];
    private readonly CancellationTokenSource stop = new();
    private volatile FrozenDictionary<string, ConfigurationItem> items = FrozenDictionary<string, ConfigurationItem>.Empty;
    private KubernetesClient? client;
    private Task watching = Task.CompletedTask;
    private ILogger? logger;

    public static ProviderDescriptor Describe()
        => new("Reads and watches a Kubernetes ConfigMap.", [ConfigMapName, KubeConfigPath, ResyncPeriod], static () => new KubernetesConfigurationStore());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        logger = context.Logger;
        var scope = new InformerScope
        {
            Namespace = context.Namespace.Length > 0 ? context.Namespace : DefaultNamespace,
            FieldSelector = $"metadata.name={context.Metadata.Get(ConfigMapName)}",
        };
        client = new KubernetesClient(KubernetesConnection.FindForComponent(context.Metadata.Get(KubeConfigPath), context.Time), context.Time);

        // A refusal is told here; the watch itself would go on trying.
        await client.ListAsync(ConfigMap.Resource, scope, cancellationToken);
        var informer = new Informer<ConfigMap>(client, ConfigMap.Resource, scope, context.Logger, context.Time) { Changed = Take };
        watching = informer.RunAsync(stop.Token);
        await informer.WaitForSyncAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> GetAsync(
        IReadOnlyList<string> keys, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var all = items;
        return ValueTask.FromResult<IReadOnlyDictionary<string, ConfigurationItem>>(
            keys.Count == 0 ? all : keys.Where(all.ContainsKey).Distinct().ToDictionary(k => k, k => all[k], StringComparer.Ordinal));
    }

    /// <inheritdoc/>
    public ValueTask<IAsyncDisposable> SubscribeAsync(
        IReadOnlyList<string> keys,
        IReadOnlyDictionary<string, string> metadata,
        Func<IReadOnlyDictionary<string, ConfigurationItem>, CancellationToken, ValueTask> onUpdate,
        CancellationToken cancellationToken)
    {
        var updates = new ConfigurationUpdates(keys, onUpdate, Remove, logger!);
        lock (gate)
        {
            // What there is and what comes after it: nothing twice, nothing passed over.
            subscriptions.Add(updates);
            updates.Offer(items);
        }

        return ValueTask.FromResult<IAsyncDisposable>(updates);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watching;
        ConfigurationUpdates[] left;
        lock (gate)
        {
            left = [.. subscriptions];
        }

        await Task.WhenAll(left.Select(u => u.DisposeAsync().AsTask()));
        client?.Dispose();
        stop.Dispose();
    }

    private void Take(ResourceChange<ConfigMap> change)
    {
        var now = Read(change.After);
        lock (gate)
        {
            var before = items;
            items = now;
            var changed = now.Where(i => !before.TryGetValue(i.Key, out var old) || old.Value != i.Value.Value || old.Metadata.Count != i.Value.Metadata.Count)
                .Concat(before.Where(i => !now.ContainsKey(i.Key)).Select(i => KeyValuePair.Create(i.Key, Deleted)))
                .ToList();
            subscriptions.ForEach(s => s.Offer(changed));
        }
    }

    private void Remove(ConfigurationUpdates updates)
    {
        lock (gate)
        {
            subscriptions.Remove(updates);
        }
    }

    private static FrozenDictionary<string, ConfigurationItem> Read(ConfigMap? map)
    {
        var version = map?.Metadata.ResourceVersion ?? "";
        return (map?.Data ?? []).Select(d => KeyValuePair.Create(d.Key, new ConfigurationItem(d.Value, version)))
            .Concat((map?.BinaryData ?? []).Select(d => KeyValuePair.Create(d.Key, new ConfigurationItem(d.Value, version) { Metadata = Binary })))
            .DistinctBy(i => i.Key)
            .ToFrozenDictionary(StringComparer.Ordinal);
    }
}
