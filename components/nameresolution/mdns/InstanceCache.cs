using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// The instances of each app id that were seen in the last minute. Looking up costs one dictionary look-up and no
/// allocation as long as nobody joined, left or expired. Bounded, because anybody on the network can claim anything.
/// </summary>
internal sealed class InstanceCache(TimeProvider time)
{
    /// <summary>How long an instance counts after it was seen last (contract: messaging 6.3).</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    /// <summary>For so long after the last look-up an app id is asked for in the background.</summary>
    public static readonly TimeSpan KeepFresh = TimeSpan.FromMinutes(10);

    private const int MaxAppIds = 1024;

    private readonly ConcurrentDictionary<string, AppInstances> apps = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> seen = new(StringComparer.Ordinal);

    /// <summary>Whether there is nothing to expire and nothing to refresh.</summary>
    public bool IsEmpty => apps.IsEmpty && seen.IsEmpty;

    /// <summary>The addresses of the live instances, if there are any.</summary>
    public bool TryGet(string appId, [NotNullWhen(true)] out string[]? addresses)
    {
        addresses = null;
        return apps.TryGetValue(appId, out var app) && app.TryGet(time.GetTimestamp(), out addresses);
    }

    /// <summary>Marks an app id as wanted, so that its instances are kept whatever else is announced.</summary>
    public void Want(string appId) => apps.GetOrAdd(appId, NewApp).Use(time.GetTimestamp());

    /// <summary>Notes that an instance was seen.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool Add(string appId, DnsName instance, string address)
    {
        if (!apps.TryGetValue(appId, out var app))
        {
            if (apps.Count >= MaxAppIds)
            {
                return false;
            }

            app = apps.GetOrAdd(appId, NewApp);
        }

        return app.Add(instance, address, time.GetTimestamp());
    }

    /// <summary>Forgets an instance; all addresses under its name when none is told.</summary>
    public void Remove(string appId, DnsName instance, string? address)
    {
        if (apps.TryGetValue(appId, out var app))
        {
            app.Remove(instance, address);
        }
    }

    /// <summary>Notes that an app id exists, though no instance of it may be known.</summary>
    public void Note(string appId)
    {
        if (seen.Count < MaxAppIds || seen.ContainsKey(appId))
        {
            seen[appId] = time.GetTimestamp();
        }
    }

    /// <summary>The app ids seen in the last minute, sorted.</summary>
    public IReadOnlyCollection<string> SeenAppIds()
    {
        var now = time.GetTimestamp();
        SortedSet<string> ids = new(StringComparer.Ordinal);
        ids.UnionWith(seen.Where(s => !IsOver(s.Value, now)).Select(s => s.Key));
        ids.UnionWith(apps.Where(a => a.Value.TryGet(now, out _, asCaller: false)).Select(a => a.Key));
        return ids;
    }

    /// <summary>Names of the instances of an app id, for a query that tells what is known already.</summary>
    public DnsName[] InstancesOf(string appId)
        => apps.TryGetValue(appId, out var app) ? app.Names(time.GetTimestamp()) : [];

    /// <summary>Drops what is over.</summary>
    /// <returns>The app ids that callers still want to know about.</returns>
    public string[] Sweep()
    {
        var now = time.GetTimestamp();
        foreach (var (appId, at) in seen)
        {
            if (IsOver(at, now))
            {
                seen.TryRemove(appId, out _);
            }
        }

        List<string> wanted = [];
        foreach (var (appId, app) in apps)
        {
            if (app.IsWanted(now))
            {
                wanted.Add(appId);
            }
            else if (!app.TryGet(now, out _, asCaller: false))
            {
                apps.TryRemove(appId, out _);
            }
        }

        return [.. wanted];
    }

    private AppInstances NewApp(string appId) => new(time);

    private bool IsOver(long since, long now) => time.GetElapsedTime(since, now) >= Lifetime;
}
