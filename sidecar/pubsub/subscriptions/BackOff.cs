namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>Waiting times that grow to a cap, each spread by half of itself in either direction (contract: messaging 2.6).</summary>
internal sealed class BackOff(TimeSpan initial, double factor, TimeSpan cap)
{
    private TimeSpan? next;

    /// <summary>The time to wait before the next attempt.</summary>
    public TimeSpan Next()
    {
        var wait = next ?? initial;
        next = wait * factor is var longer && longer < cap ? longer : cap;
        return wait * (0.5 + Random.Shared.NextDouble());
    }

    /// <summary>Begins anew after a success.</summary>
    public void Reset() => next = null;
}
