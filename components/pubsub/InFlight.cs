namespace DaprK8s.Components.PubSub;

/// <summary>
/// Counts the messages of a subscription that are with their handler or being settled, so that closing can wait for the
/// last answer to reach the broker.
/// </summary>
internal sealed class InFlight
{
    /// <summary>How long closing waits for handlers that were told to stop.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private TaskCompletionSource? idle;
    private int count;

    /// <summary>A message is handed out.</summary>
    public void Enter()
    {
        lock (gate)
        {
            count++;
        }
    }

    /// <summary>A message is settled.</summary>
    public void Exit()
    {
        lock (gate)
        {
            if (--count == 0)
            {
                idle?.SetResult();
                idle = null;
            }
        }
    }

    /// <summary>Waits until no message is in flight.</summary>
    /// <returns>Whether that came to pass within <see cref="Patience"/>.</returns>
    public async Task<bool> DrainAsync(TimeProvider time)
    {
        Task drained;
        lock (gate)
        {
            if (count == 0)
            {
                return true;
            }

            idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            drained = idle.Task;
        }

        try
        {
            await drained.WaitAsync(Patience, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
