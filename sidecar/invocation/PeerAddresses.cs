using System.Collections.Concurrent;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Picks the instance of an app that the next call goes to (contract: messaging 5.3): what the resolver knows, minus those
/// that were just found dead, in turn.
/// </summary>
internal sealed class PeerAddresses(NameResolution resolution, SidecarInfo self, TimeProvider time)
{
    private static readonly TimeSpan AvoidDeadFor = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Entry> cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> dead = new(StringComparer.Ordinal);
    private uint turn = (uint)Random.Shared.Next();

    /// <summary>An address <c>host:port</c>.</summary>
    /// <exception cref="TransportException">No resolver, or it knows no instance; the text says what was tried and who was seen.</exception>
    public async ValueTask<string> PickAsync(string appId, string @namespace, CancellationToken cancellationToken)
    {
        if (!resolution.Tried.IsCompleted)
        {
            await resolution.Tried.WaitAsync(cancellationToken);
        }

        var resolver = resolution.Current ?? throw new TransportException(StatusCode.Internal, "name resolver not initialized");
        var addresses = await ResolveAsync(resolver, appId, @namespace, cancellationToken);
        if (addresses.Count == 0)
        {
            throw new TransportException(StatusCode.Internal, Describe(resolver, appId, @namespace));
        }

        if (addresses.Count == 1)
        {
            return addresses[0];
        }

        var start = Interlocked.Increment(ref turn);
        for (uint i = 0; i < addresses.Count; i++)
        {
            var candidate = addresses[(int)((start + i) % (uint)addresses.Count)];
            if (!IsDead(candidate))
            {
                return candidate;
            }
        }

        return addresses[(int)(start % (uint)addresses.Count)];
    }

    /// <summary>Remembers that an instance could not be reached, so that the next attempt goes elsewhere.</summary>
    public void MarkDead(string appId, string @namespace, string address)
    {
        dead[address] = time.GetTimestamp();
        cache.TryRemove(Key(appId, @namespace), out _);
    }

    /// <summary>Whether another instance than this one is known.</summary>
    public async ValueTask<bool> HasAlternativeAsync(string appId, string @namespace, string address, CancellationToken cancellationToken)
    {
        if (resolution.Current is not { } resolver)
        {
            return false;
        }

        foreach (var other in await ResolveAsync(resolver, appId, @namespace, cancellationToken))
        {
            if (other != address && !IsDead(other))
            {
                return true;
            }
        }

        return false;
    }

    private async ValueTask<IReadOnlyList<string>> ResolveAsync(
        INameResolver resolver, string appId, string @namespace, CancellationToken cancellationToken)
    {
        var key = Key(appId, @namespace);
        if (resolver.CacheFor > TimeSpan.Zero && cache.TryGetValue(key, out var entry) && time.GetElapsedTime(entry.At) < resolver.CacheFor)
        {
            return entry.Addresses;
        }

        try
        {
            var addresses = await resolver.ResolveAsync(appId, @namespace, resolution.InternalPort, cancellationToken);
            if (resolver.CacheFor > TimeSpan.Zero && addresses.Count > 0)
            {
                cache[key] = new Entry(addresses, time.GetTimestamp());
            }

            return addresses;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new TransportException(StatusCode.Internal, e.Message, e);
        }
    }

    private bool IsDead(string address)
    {
        if (!dead.TryGetValue(address, out var since))
        {
            return false;
        }

        if (time.GetElapsedTime(since) < AvoidDeadFor)
        {
            return true;
        }

        dead.TryRemove(address, out _);
        return false;
    }

    private string Key(string appId, string @namespace) => @namespace == self.Namespace ? appId : $"{appId}.{@namespace}";

    private static string Describe(INameResolver resolver, string appId, string @namespace)
    {
        var seen = resolver.SeenAppIds;
        var others = seen.Count == 0 ? "no app was seen" : "seen: " + string.Join(", ", seen.Order(StringComparer.Ordinal).Take(20));
        var target = @namespace.Length == 0 ? appId : $"{@namespace}/{appId}";
        return $"couldn't find service: {appId} (resolver returned empty address for app id {target}; tried {resolver.SearchedPlaces}; {others})";
    }

    private sealed record Entry(IReadOnlyList<string> Addresses, long At);
}
