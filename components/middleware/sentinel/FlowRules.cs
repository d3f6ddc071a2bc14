namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>At most so many requests in an interval; more are refused.</summary>
internal sealed class RateRule(double threshold, long intervalMs) : SentinelRule
{
    private readonly SlidingWindow passed = new(intervalMs);

    public override bool Allows(long now) => passed.Sum(now).Count + 1 <= threshold;

    public override long Enter(long now)
    {
        passed.Add(now);
        return 0;
    }
}

/// <summary>Requests go on at an even pace; one that would have to wait too long is refused.</summary>
internal sealed class PaceRule(double threshold, long intervalMs, long maxWaitMs) : SentinelRule
{
    private readonly double step = intervalMs / threshold;
    private double next;

    public override bool Allows(long now) => threshold > 0 && next - now <= maxWaitMs;

    public override long Enter(long now)
    {
        var at = Math.Max(next, now);
        next = at + step;
        return (long)Math.Ceiling(at - now);
    }
}

/// <summary>At most so many requests at a time.</summary>
internal sealed class ConcurrencyRule(double threshold) : SentinelRule
{
    private long running;

    public override bool Allows(long now) => running + 1 <= threshold;

    public override long Enter(long now)
    {
        running++;
        return 0;
    }

    public override void Exit(long now, long took, bool failed) => running--;
}

/// <summary>No request enters while those of the last second took too long on average.</summary>
internal sealed class ResponseTimeRule(double thresholdMs) : SentinelRule
{
    private readonly SlidingWindow done = new(1000);

    public override bool Allows(long now) => done.Sum(now) is var (count, took) && (count == 0 || (double)took / count < thresholdMs);

    public override void Exit(long now, long took, bool failed) => done.Add(now, took);
}
