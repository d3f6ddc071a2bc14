using System.Runtime.CompilerServices;
using System.Threading.Channels;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>The sidecar's Configuration and resources, from the operator (contract: k8s 5.3, 5.8).</summary>
internal sealed class OperatorResourceSource : IResourceSource, IDisposable
{
    // What an operator says that has none to give, by a fault of old versions.
    private const string NothingMarshalled = "Marshal called with nil";

    private readonly SidecarInfo self;
    private readonly string? configurationName;
    private readonly bool hasBuiltInSecretStore;
    private readonly ILogger logger;
    private readonly IReadOnlyList<KindWatch> listed;
    private readonly KindWatch? configuration;
    private readonly CancellationTokenSource closing = new();

    /// <param name="operator">The operator.</param>
    /// <param name="self">This sidecar.</param>
    /// <param name="configurationName">The Configuration that it is assigned, or nothing.</param>
    /// <param name="hasBuiltInSecretStore">Whether there is a secret store that nobody configured.</param>
    /// <param name="reconcileInterval">Time between full lists.</param>
    /// <param name="logger">For faults.</param>
    /// <param name="time">The clock.</param>
    public OperatorResourceSource(
        OperatorConnection @operator, SidecarInfo self, string? configurationName, bool hasBuiltInSecretStore, TimeSpan reconcileInterval, ILogger logger,
        TimeProvider time)
    {
        (this.self, this.configurationName, this.hasBuiltInSecretStore, this.logger) = (self, configurationName, hasBuiltInSecretStore, logger);
        var outage = new OperatorOutage(time, logger);
        listed = [.. ServedKind.CreateListed(@operator, self.Namespace).Select(Watch)];
        configuration = configurationName is null
            ? null
            : new KindWatch(
                ServedKind.CreateConfiguration(@operator, self.Namespace, configurationName),
                r => IsInNamespace(r) && r.Name == configurationName, reconcileInterval, outage, time, logger);

        KindWatch Watch(ServedKind served) => new(served, IsInNamespace, reconcileInterval, outage, time, logger)
        {
            Complete = served.Kind == ResourceKinds.Component ? WithBuiltIn : static all => all,
        };
    }

    private IEnumerable<KindWatch> All => configuration is null ? listed : [.. listed, configuration];

    /// <inheritdoc/>
    public async Task<LoadedResources> LoadAsync(CancellationToken cancellationToken)
    {
        var own = await LoadConfigurationAsync(cancellationToken);
        if (Features.Enabled(own.Spec.Features).Contains("HotReload"))
        {
            foreach (var kind in All)
            {
                kind.Open(closing.Token);
            }
        }

        // All at once: each costs a round trip, and the order in which they are looked at is that of the contract.
        var lists = listed.Select(k => (k.Kind, All: k.LoadAsync(cancellationToken))).ToList();
        await Task.WhenAll(lists.Select(l => (Task)l.All)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        var resources = ResourceSet.CreateEmpty();
        foreach (var (kind, all) in lists)
        {
            Add(resources, await TakeAsync(kind, all));
        }

        return new LoadedResources(own, resources);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<SourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, closing.Token);
        var events = Channel.CreateBounded<SourceEvent>(new BoundedChannelOptions(16) { SingleReader = true });
        var followers = All.Select(k => Task.Run(() => k.RunAsync(events.Writer, ends.Token))).ToArray();
        try
        {
            await foreach (var change in events.Reader.ReadAllAsync(ends.Token).ConfigureAwait(false))
            {
                yield return change;
            }
        }
        finally
        {
            await ends.CancelAsync();
            await Task.WhenAll(followers);
        }
    }

    public void Dispose()
    {
        closing.Cancel();
        foreach (var kind in All)
        {
            kind.Dispose();
        }

        closing.Dispose();
    }

    private async Task<Configuration> LoadConfigurationAsync(CancellationToken cancellationToken)
    {
        if (configuration is null)
        {
            logger.LogInformation("loading default configuration");
            return ConfigurationFiles.LoadDefault();
        }

        try
        {
            return await configuration.LoadAsync(cancellationToken) is [Configuration own, ..]
                ? own : throw new FatalException($"error loading configuration: configuration {configurationName} not found");
        }
        catch (RpcException e)
        {
            throw new FatalException($"error loading configuration: {Text(e)}", e);
        }
    }

    // What each kind's failure means is the contract's (k8s 5.3).
    private async Task<IReadOnlyList<Resource>> TakeAsync(string kind, Task<IReadOnlyList<Resource>> list)
    {
        try
        {
            var all = await list;
            return kind == ResourceKinds.Component ? WithBuiltIn(all) : all;
        }
        catch (RpcException e)
        {
            switch (kind)
            {
                case ResourceKinds.Resiliency:
                    logger.LogError("failed to load resiliency resources: {Problem}", Text(e));
                    break;
                case ResourceKinds.HttpEndpoint:
                    logger.LogWarning("failed to load HTTP endpoints: {Problem}", Text(e));
                    break;
                case ResourceKinds.Subscription when e.Status.Detail.EndsWith(NothingMarshalled, StringComparison.Ordinal):
                case ResourceKinds.WorkflowAccessPolicy or ResourceKinds.McpServer when e.StatusCode == StatusCode.Unimplemented:
                    logger.LogDebug("The operator has no list of {Kind} resources", kind);
                    break;
                default:
                    throw new FatalException($"failed to load {Words(kind)}: {Text(e)}", e);
            }

            return [];
        }
    }

    private IReadOnlyList<Resource> WithBuiltIn(IReadOnlyList<Resource> all)
        => !hasBuiltInSecretStore || all.Any(r => r.Name == BuiltInSecretStore.Name && r.IsInScope(self.AppId))
            ? all : [BuiltInSecretStore.Create(self.Namespace), .. all];

    private bool IsInNamespace(Resource resource) => string.IsNullOrEmpty(resource.Metadata.Namespace) || resource.Metadata.Namespace == self.Namespace;

    private static void Add(ResourceSet resources, IReadOnlyList<Resource> all)
    {
        resources.Components.AddRange(all.OfType<Component>());
        resources.HttpEndpoints.AddRange(all.OfType<HttpEndpoint>());
        resources.Subscriptions.AddRange(all.OfType<Subscription>());
        resources.Others.AddRange(all.OfType<UntypedResource>());
    }

    private static string Words(string kind)
        => kind switch
        {
            ResourceKinds.Component => "components",
            ResourceKinds.Subscription => "declarative subscriptions",
            ResourceKinds.WorkflowAccessPolicy => "workflow access policies",
            _ => "mcpservers",
        };

    private static string Text(RpcException e) => $"rpc error: code = {e.StatusCode} desc = {e.Status.Detail}";
}
