namespace DaprK8s.Common.Hosting;

/// <summary>
/// The pauses of a supervised loop: exponential with full-width jitter, so that many processes that lost the same server don't
/// come back at the same moment.
/// </summary>
/// <param name="initial">The first pause, on average.</param>
/// <param name="cap">No pause is longer than this, on average.</param>
/// <param name="multiplier">How fast pauses grow.</param>
public sealed class BackOff(TimeSpan initial, TimeSpan cap, double multiplier = 1.5)
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

    /// <summary>Begins again with the first pause.</summary>
    public void Reset() => current = initial.TotalMilliseconds;
}
