using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>
/// The bundle in the Secret <c>dapr-trust-bundle</c>, and its public part in the ConfigMap of that name (contract: security 1.11). Both
/// are only read and updated, never created, and every update names the version that it is based on: of two replicas that write at
/// once, one is told to look again.
/// </summary>
internal sealed class KubernetesCaStore : ICaStore
{
    /// <summary>The name of both objects.</summary>
    public const string ObjectName = "dapr-trust-bundle";

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    // Sentry may not watch the Secret. Its version alone is asked for; the mounted copy would not be newer.
    private static readonly TimeSpan SecretLook = TimeSpan.FromSeconds(30);

    private readonly KubernetesClient client;
    private readonly string @namespace;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private readonly Dictionary<string, string> names;

    /// <summary>Makes a store.</summary>
    /// <param name="client">The API server.</param>
    /// <param name="namespace">Where the objects are.</param>
    /// <param name="files">Other names for some items; of a path, the file's name is the key in the Secret.</param>
    /// <param name="time">For the watch.</param>
    /// <param name="logger">Told what can't be watched.</param>
    public KubernetesCaStore(KubernetesClient client, string @namespace, IReadOnlyDictionary<string, string> files, TimeProvider time, ILogger logger)
    {
        this.client = client;
        this.@namespace = @namespace;
        this.time = time;
        this.logger = logger;
        names = BundleItems.All.ToDictionary(
            i => i,
            i => files.TryGetValue(i, out var file) && Path.GetFileName(file) is { Length: > 0 } name ? name : i);
    }

    /// <inheritdoc/>
    public async Task<StoredBundle?> LoadAsync(CancellationToken cancellationToken)
    {
        var (secret, map) = await ReadBothAsync(cancellationToken);
        var items = new Dictionary<string, ReadOnlyMemory<byte>>();
        foreach (var (item, name) in names)
        {
            // An empty key set is a mistake that is reported where the set is read.
            if (secret[name] is { } bytes && (bytes.Length > 0 || item == BundleItems.Jwks))
            {
                items[item] = bytes;
            }
        }

        var published = new Dictionary<string, ReadOnlyMemory<byte>>();
        foreach (var item in (string[])[BundleItems.TrustAnchors, BundleItems.Jwks])
        {
            if (map[item] is { Length: > 0 } bytes)
            {
                published[item] = bytes;
            }
        }

        // Even with nothing in them the two have versions, which a first write is to be based on.
        return new StoredBundle(items, published, VersionOf(secret, map));
    }

    /// <inheritdoc/>
    public async Task SaveAsync(StoredBundle bundle, StoredBundle? replaces, CancellationToken cancellationToken)
    {
        var (secret, map) = await ReadBothAsync(cancellationToken);
        if (replaces is null ? names.Values.Any(n => secret[n] is { Length: > 0 }) : replaces.Version != VersionOf(secret, map))
        {
            throw new StoreConflictException($"Secret or ConfigMap {@namespace}/{ObjectName} changed since they were read");
        }

        var newAnchors = Anchors(bundle[BundleItems.TrustAnchors]);
        var oldAnchors = Anchors(secret[names[BundleItems.TrustAnchors]]);
        if (!oldAnchors.IsSubsetOf(newAnchors))
        {
            // What peers are no longer to trust goes from the public copy first. When there are new anchors too, the copy stays empty
            // until the Secret has them: an empty one is filled from the Secret at the next start.
            map = await PublishAsync(map, newAnchors.IsSubsetOf(oldAnchors) ? bundle[BundleItems.TrustAnchors] : null, bundle[BundleItems.Jwks], cancellationToken);
        }

        if (names.Aggregate(false, (changed, n) => secret.Set(n.Value, bundle[n.Key]) || changed))
        {
            await WriteAsync(ApiResources.Secrets, secret, cancellationToken);
        }

        await PublishAsync(map, bundle[BundleItems.TrustAnchors], bundle[BundleItems.Jwks], cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var map = ApiResources.MetadataOf(ApiResources.ConfigMaps.Plural);
        var scope = new InformerScope { Namespace = @namespace, FieldSelector = $"metadata.name={ObjectName}", MetadataOnly = true };
        var informer = new Informer<PartialObject>(client, map, scope, logger, time)
        {
            Changed = _ => changes.Writer.TryWrite(true),
        };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = Task.WhenAll(informer.RunAsync(stop.Token), LookAtSecretAsync(changes.Writer, stop.Token));
        try
        {
            while (await changes.Reader.WaitToReadAsync(cancellationToken))
            {
                while (changes.Reader.TryRead(out _))
                {
                    await Task.Delay(Quiet, time, cancellationToken);
                }

                yield return true;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }
    }

    private async Task LookAtSecretAsync(ChannelWriter<bool> changes, CancellationToken cancellationToken)
    {
        string? last = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var version = (await client.GetMetadataAsync(ApiResources.Secrets, @namespace, ObjectName, cancellationToken)).Metadata.ResourceVersion;
                if (last is not null && last != version)
                {
                    changes.TryWrite(true);
                }

                last = version;
            }
            catch (Exception e)
            {
                if (!cancellationToken.IsCancellationRequested)
                {
                    logger.LogDebug("the Secret {namespace}/{name} could not be looked at: {message}", @namespace, ObjectName, e.Message);
                }
            }

            await Task.Delay(SecretLook, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<TrustBundleObject> PublishAsync(
        TrustBundleObject map, ReadOnlyMemory<byte>? anchors, ReadOnlyMemory<byte>? keys, CancellationToken cancellationToken)
    {
        var changed = map.Set(BundleItems.TrustAnchors, anchors);
        changed = map.Set(BundleItems.Jwks, keys) || changed;
        return changed ? new TrustBundleObject(await WriteAsync(ApiResources.ConfigMaps, map, cancellationToken), isSecret: false) : map;
    }

    /// <summary>
    /// Reads both as they were at one moment: if the Secret is the same before and after, the ConfigMap read in between was its copy.
    /// Otherwise a replica that writes just then would look as if somebody had tampered with the ConfigMap.
    /// </summary>
    private async Task<(TrustBundleObject Secret, TrustBundleObject Map)> ReadBothAsync(CancellationToken cancellationToken)
    {
        var secret = await ReadAsync(ApiResources.Secrets, "secret", cancellationToken);
        while (true)
        {
            var map = await ReadAsync(ApiResources.ConfigMaps, "configmap", cancellationToken);
            var again = await ReadAsync(ApiResources.Secrets, "secret", cancellationToken);
            if (again.Version == secret.Version)
            {
                return (secret, map);
            }

            secret = again;
        }
    }

    private async Task<TrustBundleObject> ReadAsync(ApiResource<JsonObject> resource, string name, CancellationToken cancellationToken)
    {
        try
        {
            return new TrustBundleObject(await client.GetAsync(resource, @namespace, ObjectName, cancellationToken), resource == ApiResources.Secrets);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new CaStoreException($"failed to get trust bundle {name}: {e.Message}", e);
        }
    }

    private async Task<JsonObject> WriteAsync(ApiResource<JsonObject> resource, TrustBundleObject value, CancellationToken cancellationToken)
    {
        try
        {
            return await client.UpdateAsync(resource, @namespace, ObjectName, value.Object, cancellationToken);
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            throw new StoreConflictException($"{resource.Plural} {@namespace}/{ObjectName} changed since it was read", e);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new CaStoreException($"failed to update the trust bundle: {e.Message}", e);
        }
    }

    private static string VersionOf(TrustBundleObject secret, TrustBundleObject map) => $"{secret.Version}/{map.Version}";

    /// <summary>The certificates of a PEM text, to tell whether some were added or removed.</summary>
    private static HashSet<string> Anchors(ReadOnlyMemory<byte>? pem)
    {
        var all = new HashSet<string>(StringComparer.Ordinal);
        var text = Encoding.Latin1.GetString((pem ?? default).Span).AsSpan();
        while (PemEncoding.TryFind(text, out var fields))
        {
            all.Add(string.Concat(text[fields.Base64Data].ToString().Where(c => !char.IsWhiteSpace(c))));
            text = text[fields.Location.End..];
        }

        return all;
    }
}
