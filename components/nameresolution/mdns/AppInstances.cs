using System.Diagnostics.CodeAnalysis;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// The instances of one app id. Told apart by their address, not by their name: two containers may both be
/// <c>app:1</c>. Callers get one shared array until the set changes.
/// </summary>
internal sealed class AppInstances(TimeProvider time)
{
    private const int MaxInstances = 512;

    private readonly Lock gate = new();
    private readonly List<Instance> instances = [];
    private volatile Snapshot? current;
    private long lastUsed;
    private volatile bool used;
    private volatile bool found;

    /// <summary>The addresses of the live instances; <see langword="false"/> when none is left.</summary>
    /// <param name="now">The present, a timestamp.</param>
    /// <param name="addresses">The addresses.</param>
    /// <param name="asCaller">Whether somebody wants to talk to the app, which keeps it fresh.</param>
    public bool TryGet(long now, [NotNullWhen(true)] out string[]? addresses, bool asCaller = true)
    {
        if (asCaller)
        {
            Use(now);
        }

        var snapshot = current;
        if (snapshot is null || now >= snapshot.ValidUntil)
        {
            snapshot = Rebuild(now);
        }

        addresses = snapshot.Addresses.Length > 0 ? snapshot.Addresses : null;
        return addresses is not null;
    }

    /// <summary>Notes that the app id is wanted.</summary>
    public void Use(long now)
    {
        Volatile.Write(ref lastUsed, now);
        used = true;
    }

    /// <summary>Whether somebody asked for the app lately and it was there once.</summary>
    public bool IsWanted(long now) => used && found && time.GetElapsedTime(Volatile.Read(ref lastUsed), now) < InstanceCache.KeepFresh;

    /// <summary>Adds an instance, or notes that it is still there.</summary>
    /// <returns><see langword="false"/> when there are too many.</returns>
    public bool Add(DnsName name, string address, long now)
    {
        lock (gate)
        {
            var at = instances.FindIndex(i => i.Address == address);
            if (at >= 0)
            {
                instances[at] = new Instance(name, address, now);
                return true;
            }

            if (instances.Count >= MaxInstances)
            {
                return false;
            }

            instances.Add(new Instance(name, address, now));
            found = true;
            current = null;
            return true;
        }
    }

    /// <summary>Removes an instance, or all under its name when no address is told.</summary>
    public void Remove(DnsName name, string? address)
    {
        lock (gate)
        {
            if (instances.RemoveAll(i => i.Name.Equals(name) && (address is null || i.Address == address)) > 0)
            {
                current = null;
            }
        }
    }

    /// <summary>The names of the live instances.</summary>
    public DnsName[] Names(long now)
    {
        lock (gate)
        {
            return [.. instances.Where(i => !IsOver(i, now)).Select(i => i.Name).Distinct()];
        }
    }

    private Snapshot Rebuild(long now)
    {
        lock (gate)
        {
            instances.RemoveAll(i => IsOver(i, now));
            var validUntil = instances.Count == 0 ? long.MaxValue : instances.Min(i => i.SeenAt) + LifetimeInTimestamps;
            var addresses = instances.ConvertAll(i => i.Address).ToArray();
            var before = current;
            return current = new Snapshot(before is not null && before.Addresses.AsSpan().SequenceEqual(addresses) ? before.Addresses : addresses, validUntil);
        }
    }

    private long LifetimeInTimestamps => (long)(InstanceCache.Lifetime.TotalSeconds * time.TimestampFrequency);

    private bool IsOver(in Instance instance, long now) => now - instance.SeenAt >= LifetimeInTimestamps;

    private readonly record struct Instance(DnsName Name, string Address, long SeenAt);

    private sealed record Snapshot(string[] Addresses, long ValidUntil);
}
