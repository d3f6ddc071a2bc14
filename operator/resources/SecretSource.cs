using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Resources;

/// <summary>A Secret's data.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Data">Base64 by key.</param>
internal sealed record SecretData(string Version, IReadOnlyDictionary<string, string> Data);

/// <summary>
/// The Secrets that resources refer to, and no others: a watch of metadata alone tells which have changed, and only those that were
/// asked for are read. The watch begins with the first question (contract: k8s 2.7).
/// </summary>
internal sealed class SecretSource
{
    // As long as the watch can't tell whether a Secret has changed.
    private static readonly TimeSpan GoodForUnwatched = TimeSpan.FromSeconds(2);

    private readonly KubernetesClient client;
    private readonly TimeProvider time;
    private readonly string? scope;
    private readonly Informer<PartialObject> versions;
    private readonly ConcurrentDictionary<(string Namespace, string Name), Entry> entries = new();
    private readonly TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SecretSource(KubernetesClient client, string? @namespace, ILogger logger, TimeProvider time)
    {
        (this.client, this.time) = (client, time);
        scope = @namespace;
        versions = new Informer<PartialObject>(
            client, ApiResources.MetadataOf("secrets"), new InformerScope { Namespace = @namespace, MetadataOnly = true }, logger, time)
        {
            Read = ReadVersion,
            Changed = OnChanged,
        };
    }

    /// <summary>Told of each Secret that was added, changed or removed since the watch began: namespace and name.</summary>
    public Action<string, string>? Changed { get; set; }

    /// <summary>Keeps the watch, once there is a question.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await asked.Task.WaitAsync(cancellationToken);
        await versions.RunAsync(cancellationToken);
    }

    /// <summary>A Secret as it is now.</summary>
    /// <exception cref="SecretException">It is not there or can't be read.</exception>
    public async ValueTask<SecretData> GetAsync(string @namespace, string name, CancellationToken cancellationToken)
    {
        asked.TrySetResult();
        var key = (@namespace, name);
        if (versions.HasSynced && versions.Find(@namespace, name) is null)
        {
            // All sidecars of a namespace may ask again and again; the watch tells when it comes.
            throw Missing(name);
        }

        var entry = EntryOf(key);
        try
        {
            var secret = await entry.Secret.Value.WaitAsync(cancellationToken);
            if (IsCurrent(key, entry, secret))
            {
                return secret;
            }

            entries.TryRemove(KeyValuePair.Create(key, entry));
            entry = EntryOf(key);
            return await entry.Secret.Value.WaitAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            entries.TryRemove(KeyValuePair.Create(key, entry));
            throw e is KubernetesException { IsObjectMissing: true } ? Missing(name) : new SecretException(KubernetesException.Explain(e));
        }
    }

    private static SecretException Missing(string name) => new($"Secret \"{name}\" not found") { IsMissing = true };

    private Entry EntryOf((string Namespace, string Name) key) => entries.GetOrAdd(key, static (k, me) => me.Read(k), this);

    private Entry Read((string Namespace, string Name) key)
        => new(time.GetTimestamp(), new Lazy<Task<SecretData>>(() => ReadAsync(key)));

    // Shared by all who ask meanwhile, so that nobody's cancellation ends it.
    private async Task<SecretData> ReadAsync((string Namespace, string Name) key)
    {
        var secret = await client.GetOrFindAsync(ApiResources.Secrets, scope, key.Namespace, key.Name, CancellationToken.None);
        var data = secret["data"] is JsonObject members ? members.ToDictionary(m => m.Key, m => m.Value.Text()) : [];
        var version = secret.Member("metadata").Member("resourceVersion").Text();
        if (versions.Find(key.Namespace, key.Name) is { Metadata.ResourceVersion.Length: > 0 } known && known.Metadata.ResourceVersion != version)
        {
            Changed?.Invoke(key.Namespace, key.Name);
        }

        return new SecretData(version.Length > 0 ? version : DigestOf(data), data);
    }

    // What the API server gives no version to has changed when its content has.
    private static string DigestOf(Dictionary<string, string> data)
        => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', data.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => $"{d.Key}={d.Value}")))));

    private bool IsCurrent((string Namespace, string Name) key, Entry entry, SecretData secret)
        => versions.HasSynced && versions.Find(key.Namespace, key.Name) is { Metadata.ResourceVersion.Length: > 0 } known
            ? known.Metadata.ResourceVersion == secret.Version
            : time.GetElapsedTime(entry.ReadAt) < GoodForUnwatched;

    private void OnChanged(ResourceChange<PartialObject> change)
    {
        var metadata = (change.After ?? change.Before)!.Metadata;
        if (change is { Before: not null, After: not null } && string.IsNullOrEmpty(metadata.ResourceVersion))
        {
            // Without versions every list looks like a change; what is asked for is read again soon in any case.
            return;
        }

        var key = (metadata.Namespace ?? "", metadata.Name);
        var isStale = entries.TryGetValue(key, out var entry) && IsStale(entry, change.After?.Metadata.ResourceVersion);
        if (isStale)
        {
            entries.TryRemove(key, out _);
        }

        // The first list tells of a change only where somebody has seen another version before it.
        if (isStale || versions.HasSynced)
        {
            Changed?.Invoke(key.Item1, key.Name);
        }
    }

    // What is being read now looks at the watch when it has been read.
    private static bool IsStale(Entry entry, string? version)
        => entry.Secret.IsValueCreated && entry.Secret.Value is { IsCompletedSuccessfully: true, Result: var read } && read.Version != version;

    private static PartialObject ReadVersion(JsonElement json)
    {
        var metadata = json.Member("metadata");
        return new PartialObject
        {
            Metadata = new ObjectMeta
            {
                Name = metadata.Text("name"), Namespace = string.Intern(metadata.Text("namespace")), ResourceVersion = metadata.Text("resourceVersion"),
            },
        };
    }

    private sealed record Entry(long ReadAt, Lazy<Task<SecretData>> Secret);
}
