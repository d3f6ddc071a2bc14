namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// Counts the work in flight of something that will be closed: open at first, sealed once, idle when it is sealed and nothing
/// is in flight any more. Nothing is polled and no lock is taken.
/// </summary>
internal sealed class WorkGate
{
    private const int Sealed = 1 << 30;

    private readonly TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The number in flight, and the bit that says sealed.
    private int state;

    /// <summary>Completes once the gate is sealed and all who entered have left.</summary>
    public Task Idle => idle.Task;

    public bool IsSealed => (Volatile.Read(ref state) & Sealed) != 0;

    public int InFlight => Volatile.Read(ref state) & ~Sealed;

    /// <summary>Enters, unless the gate is sealed; whoever entered must <see cref="Exit"/>.</summary>
    public bool TryEnter()
    {
        if ((Interlocked.Increment(ref state) & Sealed) == 0)
        {
            return true;
        }

        // The increment may have hidden the last one's exit, so that leaving has to look for idleness as well.
        Exit();
        return false;
    }

    public void Exit()
    {
        if (Interlocked.Decrement(ref state) == Sealed)
        {
            idle.TrySetResult();
        }
    }

    /// <summary>Lets no one in from now on. Idempotent.</summary>
    public void Seal()
    {
        if ((Interlocked.Or(ref state, Sealed) & ~Sealed) == 0)
        {
            idle.TrySetResult();
        }
    }
}
