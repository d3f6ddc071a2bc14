namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>Rules that hold together: a request enters when none of them objects, and only then is it counted by any.</summary>
internal sealed class SentinelRules(SentinelRule[] rules)
{
    private readonly Lock gate = new();

    /// <summary>Lets a request enter, if it may.</summary>
    /// <returns>How many milliseconds it has to wait, or <see langword="null"/> when it is refused.</returns>
    public long? TryEnter(long now)
    {
        lock (gate)
        {
            foreach (var rule in rules)
            {
                if (!rule.Allows(now))
                {
                    return null;
                }
            }

            var wait = 0L;
            foreach (var rule in rules)
            {
                wait = Math.Max(wait, rule.Enter(now));
            }

            return wait;
        }
    }

    /// <summary>A request that had entered is done.</summary>
    public void Exit(long now, long took, bool failed)
    {
        lock (gate)
        {
            foreach (var rule in rules)
            {
                rule.Exit(now, took, failed);
            }
        }
    }
}
