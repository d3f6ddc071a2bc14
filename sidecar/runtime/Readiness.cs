namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// What the health endpoints answer (contract: api 1.19): the targets still pending, and outbound readiness apart from them, which
/// doesn't wait for the app.
/// </summary>
internal sealed class Readiness
{
    private readonly Lock gate = new();
    private readonly SortedSet<string> pending = new(StringComparer.Ordinal);
    private volatile bool outbound;
    private volatile string outboundProblem = "";
    private volatile string[] snapshot = [];
    private volatile TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the next change of <see cref="Pending"/>.</summary>
    public Task Changed => changed.Task;

    /// <summary>Components, servers and name resolution are up, and the process isn't stopping.</summary>
    public bool IsOutboundReady => outbound;

    /// <summary>Why outbound isn't ready, to follow the message; empty when there is nothing to add.</summary>
    public string OutboundProblem => outboundProblem;

    /// <summary>The targets that are not ready.</summary>
    public IReadOnlyList<string> Pending => snapshot;

    public void Add(string target) => Change(() => pending.Add(target));

    public void Done(string target) => Change(() => pending.Remove(target));

    public void SetOutbound(bool ready, string problem = "")
    {
        outboundProblem = problem;
        outbound = ready;
    }

    private void Change(Action change)
    {
        lock (gate)
        {
            change();
            snapshot = [.. pending];
        }

        Interlocked.Exchange(ref changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}
