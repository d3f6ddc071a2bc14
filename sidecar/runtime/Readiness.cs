namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// What the health endpoints answer (contract: api 1.19): the targets still pending, and outbound readiness apart from them, which
/// doesn't wait for the app.
/// </summary>
internal sealed class Readiness
{
    private readonly Lock gate = new();
    private readonly SortedSet<string> pending = new(StringComparer.Ordinal);
    private string[] heldBackBy = [];
    private volatile bool outbound;
    private volatile string outboundProblem = "";
    private volatile string[] snapshot = [];
    private volatile TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the next change of <see cref="Pending"/>.</summary>
    public Task Changed => changed.Task;

    /// <summary>Components, servers and name resolution are up, and the process isn't stopping.</summary>
    public bool IsOutboundReady => outbound && outboundProblem.Length == 0;

    /// <summary>Everything is up that had to come up, though components may have failed.</summary>
    public bool IsServing => outbound;

    /// <summary>Why outbound isn't ready, to follow the message; empty when there is nothing to add.</summary>
    public string OutboundProblem => outboundProblem;

    /// <summary>The targets that are not ready.</summary>
    public IReadOnlyList<string> Pending => snapshot;

    public void Add(string target) => Change(() => pending.Add(target));

    public void Done(string target) => Change(() => pending.Remove(target));

    public void SetOutbound(bool ready) => outbound = ready;

    /// <summary>Components that failed and without which the sidecar isn't ready.</summary>
    public void SetFailedComponents(IReadOnlyList<string> names)
    {
        outboundProblem = names.Count == 0 ? "" : $": failed components: {string.Join(", ", names)}";
        Change(() => heldBackBy = [.. names.Select(n => "component:" + n)]);
    }

    private void Change(Action change)
    {
        lock (gate)
        {
            change();
            snapshot = [.. pending, .. heldBackBy];
        }

        Interlocked.Exchange(ref changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}
