namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>One rule's state. Calls come one at a time, under the lock of the rules it belongs to; times are milliseconds.</summary>
internal abstract class SentinelRule
{
    /// <summary>Whether a request may enter now. Changes nothing: another rule may still object.</summary>
    public abstract bool Allows(long now);

    /// <summary>A request enters.</summary>
    /// <returns>How many milliseconds it has to wait before it goes on.</returns>
    public virtual long Enter(long now) => 0;

    /// <summary>A request that had entered is done.</summary>
    /// <param name="now">The time.</param>
    /// <param name="took">How long it took.</param>
    /// <param name="failed">Whether it ended with a server error.</param>
    public virtual void Exit(long now, long took, bool failed)
    {
    }
}
