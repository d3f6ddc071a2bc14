namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>What a circuit breaker goes by.</summary>
internal enum BreakerStrategy
{
    /// <summary>The share of requests that took too long.</summary>
    SlowRequestRatio = 0,

    /// <summary>The share of requests that failed.</summary>
    ErrorRatio = 1,

    /// <summary>The number of requests that failed.</summary>
    ErrorCount = 2,
}

/// <summary>
/// Refuses all requests for a while after too many were slow or failed. Then one goes ahead, and what becomes of it decides for all.
/// </summary>
internal sealed class CircuitBreakerRule(
    BreakerStrategy strategy, double threshold, long minRequests, long intervalMs, long retryMs, long maxAllowedMs) : SentinelRule
{
    private readonly SlidingWindow done = new(intervalMs);
    private State state;
    private long retryAt;

    private enum State
    {
        Closed,
        Open,
        HalfOpen,
    }

    public override bool Allows(long now) => state == State.Closed || (state == State.Open && now >= retryAt);

    public override long Enter(long now)
    {
        state = state == State.Open ? State.HalfOpen : state;
        return 0;
    }

    public override void Exit(long now, long took, bool failed)
    {
        var bad = strategy == BreakerStrategy.SlowRequestRatio ? took > maxAllowedMs : failed;
        switch (state)
        {
            case State.HalfOpen when bad:
                Open(now);
                break;
            case State.HalfOpen:
                state = State.Closed;
                done.Clear();
                break;
            case State.Closed:
                done.Add(now, bad ? 1 : 0);
                var (count, bads) = done.Sum(now);
                if (bads > 0 && count >= minRequests && (strategy == BreakerStrategy.ErrorCount ? bads : (double)bads / count) >= threshold)
                {
                    Open(now);
                }

                break;
        }
    }

    private void Open(long now)
    {
        state = State.Open;
        retryAt = now + retryMs;
        done.Clear();
    }
}
