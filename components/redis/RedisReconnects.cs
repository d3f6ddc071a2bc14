using StackExchange.Redis;

namespace DaprK8s.Components.Redis;

/// <summary>
/// When to look for a lost server again: soon at first, then every five seconds or so, never at the same moment as other
/// sidecars. The client asks once a second.
/// </summary>
internal sealed class RedisReconnects : IReconnectRetryPolicy
{
    private const double LongestWait = 5000;
    private readonly double share = 0.75 + (Random.Shared.NextDouble() / 2);

    /// <inheritdoc/>
    public bool ShouldRetry(long currentRetryCount, int timeElapsedMillisecondsSinceLastRetry)
        => timeElapsedMillisecondsSinceLastRetry >= Math.Min(LongestWait, 250 * Math.Pow(2, Math.Min(currentRetryCount, 10))) * share;
}
