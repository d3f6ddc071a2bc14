using System.Collections.Concurrent;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Resources;

/// <summary>
/// One kind, watched once for everybody: the resources by namespace, and the streams that are told of changes. Objects of the first list
/// are told to nobody (contract: k8s 2.9).
/// </summary>
internal sealed class ResourceFeed
{
    private readonly Informer<WatchedResource> informer;
    private readonly ConcurrentDictionary<string, Place> places = new();

    public ResourceFeed(KubernetesClient client, ResourceKind kind, string? @namespace, ILogger logger, TimeProvider time)
    {
        Kind = kind;
        informer = new Informer<WatchedResource>(
            client,
            new ApiResource<WatchedResource>("dapr.io", kind.Version, kind.Plural, null!),
            new InformerScope { Namespace = @namespace, OptionalKind = kind.Name },
            logger,
            time)
        {
            Read = json => WatchedResource.Read(kind, json),
            Changed = OnChanged,
        };
    }

    /// <summary>The kind.</summary>
    public ResourceKind Kind { get; }

    /// <summary>Whether the first list is complete.</summary>
    public bool HasSynced => informer.HasSynced;

    /// <summary>Told of every change, that of the first list included, besides the streams.</summary>
    public Action<ResourceChange<WatchedResource>>? Changed { get; set; }

    /// <summary>All resources, now.</summary>
    public ICollection<WatchedResource> All => informer.Objects;

    /// <summary>Follows the API server until cancellation.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => informer.RunAsync(cancellationToken);

    /// <summary>Waits for the first list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellationToken) => informer.WaitForSyncAsync(cancellationToken);

    /// <summary>A resource.</summary>
    public WatchedResource? Find(string @namespace, string name) => informer.Find(@namespace, name);

    /// <summary>The resources of a namespace.</summary>
    public ICollection<WatchedResource> In(string @namespace) => places.TryGetValue(@namespace, out var place) ? place.Resources.Values : [];

    /// <summary>Adds a stream of a namespace.</summary>
    public void Add(string @namespace, ResourceWatcher watcher)
    {
        var place = PlaceOf(@namespace);
        lock (place.Watchers)
        {
            place.Watchers.Add(watcher);
        }
    }

    /// <summary>Removes a stream.</summary>
    public void Remove(string @namespace, ResourceWatcher watcher)
    {
        var place = PlaceOf(@namespace);
        lock (place.Watchers)
        {
            place.Watchers.Remove(watcher);
        }
    }

    /// <summary>Tells that a Secret has changed: the resources that refer to it are not the same any more.</summary>
    public void SecretChanged(string @namespace, string secret)
    {
        if (!places.TryGetValue(@namespace, out var place))
        {
            return;
        }

        foreach (var resource in place.Resources.Values)
        {
            if (resource.Secrets.Contains(secret))
            {
                Tell(place, new ResourceChange<WatchedResource>(resource, resource));
            }
        }
    }

    private void OnChanged(ResourceChange<WatchedResource> change)
    {
        var resource = (change.After ?? change.Before)!;
        var place = PlaceOf(resource.Namespace);
        if (change.After is { } now)
        {
            place.Resources[now.Name] = now;
        }
        else
        {
            place.Resources.TryRemove(resource.Name, out _);
        }

        if (informer.HasSynced && !IsOfStatusOnly(change) && !IsNone(change))
        {
            Tell(place, change);
        }

        Changed?.Invoke(change);
    }

    // Our own writing of a status changes nothing for sidecars.
    private static bool IsOfStatusOnly(in ResourceChange<WatchedResource> change)
        => change is { Before: { Generation: > 0 } before, After: { } after }
            && before.Generation == after.Generation && before.Metadata.Uid == after.Metadata.Uid && !Same(before.Status, after.Status);

    // Without versions every list looks like a change of everything in it.
    private static bool IsNone(in ResourceChange<WatchedResource> change)
        => change is { Before: { } before, After: { } after } && string.IsNullOrEmpty(after.Metadata.ResourceVersion) && Same(before.Json, after.Json);

    private static bool Same(byte[]? a, byte[]? b) => a.AsSpan().SequenceEqual(b);

    private static void Tell(Place place, in ResourceChange<WatchedResource> change)
    {
        lock (place.Watchers)
        {
            foreach (var watcher in place.Watchers)
            {
                watcher.Offer(change);
            }
        }
    }

    private Place PlaceOf(string @namespace) => places.GetOrAdd(@namespace, static _ => new Place());

    private sealed class Place
    {
        public readonly ConcurrentDictionary<string, WatchedResource> Resources = new();
        public readonly HashSet<ResourceWatcher> Watchers = [];
    }
}
