namespace DaprK8s.Components.PubSub;

/// <summary>Spreads waiting times, so that many sidecars do not return to a restarted broker in the same moment.</summary>
internal static class Jitter
{
    /// <summary>A random time between three and five quarters of the one given.</summary>
    public static TimeSpan Around(TimeSpan wait) => wait * (0.75 + (Random.Shared.NextDouble() / 2));
}
