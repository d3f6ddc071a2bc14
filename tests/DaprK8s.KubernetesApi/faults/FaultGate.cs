namespace DaprK8s.KubernetesApi.Faults;

/// <summary>Holds requests until it is opened, and tells how many stand before it.</summary>
public sealed class FaultGate
{
    private readonly TaskCompletionSource open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int waiting;

    /// <summary>The requests that came so far.</summary>
    public int Waiting => Volatile.Read(ref waiting);

    /// <summary>Lets all pass, now and later.</summary>
    public void Open() => open.TrySetResult();

    internal Task PassAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref waiting);
        return open.Task.WaitAsync(cancellationToken);
    }
}
