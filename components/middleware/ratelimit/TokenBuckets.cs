using System.Collections.Concurrent;
using System.Threading.RateLimiting;

namespace DaprK8s.Components.Middleware.RateLimit;

/// <summary>
/// A token bucket for each client, and a bound on their number: once the younger half is full, the older half, which holds those
/// not used for longest, is let go. No timer; a bucket fills up as it is looked at.
/// </summary>
internal sealed class TokenBuckets
{
    private readonly TokenBucketRateLimiterOptions options;
    private readonly int half;
    private readonly Lock turning = new();
    private volatile ConcurrentDictionary<ClientKey, TokenBucketRateLimiter> young = new();
    private volatile ConcurrentDictionary<ClientKey, TokenBucketRateLimiter> old = new();

    /// <param name="perSecond">How many tokens flow in; as many, but one at least, fit in.</param>
    /// <param name="capacity">The most buckets that are kept.</param>
    public TokenBuckets(double perSecond, int capacity)
    {
        var size = (int)Math.Clamp(perSecond, 1, int.MaxValue);
        options = new TokenBucketRateLimiterOptions
        {
            TokenLimit = size,
            TokensPerPeriod = size,
            ReplenishmentPeriod = TimeSpan.FromSeconds(Math.Clamp(size / perSecond, 1e-6, 1e9)),
            AutoReplenishment = false,
            QueueLimit = 0,
        };
        half = Math.Max(1, capacity / 2);
    }

    /// <summary>How many buckets there are.</summary>
    public int Count => young.Count + old.Count;

    /// <summary>Takes a token, if there is one.</summary>
    public bool TryTake(ClientKey client)
    {
        var bucket = Find(client);
        bucket.TryReplenish();
        using var lease = bucket.AttemptAcquire();
        return lease.IsAcquired;
    }

    private TokenBucketRateLimiter Find(ClientKey client)
    {
        if (young.TryGetValue(client, out var bucket))
        {
            return bucket;
        }

        lock (turning)
        {
            if (young.Count >= half)
            {
                (old, young) = (young, new());
            }

            return young.GetOrAdd(client, old.TryRemove(client, out var kept) ? kept : new TokenBucketRateLimiter(options));
        }
    }
}
