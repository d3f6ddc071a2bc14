using DaprK8s.Components;
using DaprK8s.Sidecar.Resiliency;

namespace DaprK8s.Sidecar.State;

/// <summary>One attempt of a write that is done as a whole.</summary>
internal static class WriteAttempt
{
    /// <summary>Writes, and keeps a policy from trying again what a retry can't change.</summary>
    public static async ValueTask<bool> RunAsync<TState>(
        Func<TState, CancellationToken, ValueTask> write, TState state, CancellationToken cancellationToken)
    {
        try
        {
            await write(state, cancellationToken);
            return true;
        }
        catch (Exception e) when (IsETagFailure(e))
        {
            throw new PermanentFailureException(e);
        }
    }

    /// <summary>Whether a failure says that the item is another than the caller thinks.</summary>
    public static bool IsETagFailure(Exception e) => e is ETagMismatchException or InvalidETagException;
}
