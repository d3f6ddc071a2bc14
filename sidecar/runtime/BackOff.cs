namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The pauses of a supervised loop: exponential with full-width jitter, so that many sidecars that lost the same server don't come
/// back at the same moment.
/// </summary>
internal sealed class BackOff(TimeSpan initial, TimeSpan cap, double multiplier = 1.5)
{
    private const double Jitter = 0.5;

    private double current = initial.TotalMilliseconds;

    /// <summary>The next pause.</summary>
    public TimeSpan Next()
    {
        var pause = current * (1 - Jitter + (2 * Jitter * Random.Shared.NextDouble()));
        current = Math.Min(current * multiplier, cap.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(pause);
    }

    public void Reset() => current = initial.TotalMilliseconds;
}
