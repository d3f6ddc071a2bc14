using System.Diagnostics.CodeAnalysis;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>Where a component is in its life.</summary>
internal enum ComponentStatus
{
    /// <summary>Waiting for its first successful initialisation.</summary>
    Starting,

    /// <summary>Serving.</summary>
    Ready,

    /// <summary>Did not initialise; being tried again in the background.</summary>
    Failed,

    /// <summary>Closed for good: removed, replaced, or the process ends.</summary>
    Closed,
}

/// <summary>
/// One version of a configured component, from the moment its resource is read until it is closed. Calls are gated by it alone:
/// while it starts they wait, when it failed they say since when and why, and when a later version has taken its place they go there.
/// </summary>
internal sealed class ComponentHandle
{
    /// <summary>The kind of a component whose type belongs to no building block.</summary>
    public const ComponentKind UnknownKind = (ComponentKind)(-1);

    private readonly TaskCompletionSource settled = NewSignal();
    private readonly WorkGate uses = new();
    private readonly TimeProvider time;
    private volatile Snapshot snapshot;
    private volatile TaskCompletionSource changed = NewSignal();
    private volatile ComponentHandle? successor;

    public ComponentHandle(Component resource, ComponentKind kind, TimeProvider time)
    {
        Resource = resource;
        Kind = kind;
        this.time = time;
        snapshot = new Snapshot(ComponentStatus.Starting, null, time.GetUtcNow(), null);
    }

    public Component Resource { get; }

    public ComponentKind Kind { get; }

    public string Name => Resource.Name;

    /// <summary>The type as written in the resource.</summary>
    public string Type => Resource.Spec.Type;

    public ComponentStatus Status => snapshot.Status;

    /// <summary>Why the last attempt failed; free of secrets.</summary>
    public string? LastError => snapshot.Error;

    /// <summary>The instance, when it is ready; to be looked at only. Calls need a <see cref="ComponentUse{T}"/>.</summary>
    public IComponent? Instance => snapshot.Instance;

    /// <summary>The metadata with secrets and templates resolved; <see langword="null"/> until the loader has resolved it.</summary>
    public ComponentMetadata? Metadata { get; set; }

    /// <summary>It was taken out of the resources while the sidecar goes on.</summary>
    public bool IsRemoved { get; private set; }

    /// <summary>
    /// Completes at the next change of <see cref="Status"/>. Take it before looking at the status, so that no change is missed.
    /// </summary>
    public Task Changed => changed.Task;

    /// <summary>Completes once the first initialisation succeeded or was given up.</summary>
    public Task Settled => settled.Task;

    /// <summary>Completes when it has been retired and no call uses its instance any more.</summary>
    public Task Idle => uses.Idle;

    /// <summary>The calls that use its instance now.</summary>
    public int InUse => uses.InFlight;

    /// <summary>The instance for a call, if it is there at once.</summary>
    public bool TryUse<T>(out ComponentUse<T> use)
        where T : class, IComponent
    {
        if (snapshot is { Status: ComponentStatus.Ready, Instance: T instance } && uses.TryEnter())
        {
            use = new ComponentUse<T>(this, instance, uses);
            return true;
        }

        use = default;
        return false;
    }

    /// <summary>The instance for a call; waits while the component is starting.</summary>
    /// <exception cref="ComponentNotReadyException">It failed, or is closed.</exception>
    public ValueTask<ComponentUse<T>> UseAsync<T>(CancellationToken cancellationToken)
        where T : class, IComponent
        => TryUse(out ComponentUse<T> use) ? new ValueTask<ComponentUse<T>>(use) : WaitAsync<T>(cancellationToken);

    public void MarkReady(IComponent instance) => Move(ComponentStatus.Ready, instance, null);

    public void MarkFailed(string error) => Move(ComponentStatus.Failed, null, error);

    public void MarkClosed() => Move(ComponentStatus.Closed, null, snapshot.Error);

    /// <summary>Hands the name over: calls that come from now on go to another version, or find nothing.</summary>
    /// <param name="next">The version that takes its place; <see langword="null"/> when the component was removed.</param>
    public void Retire(ComponentHandle? next)
    {
        successor = next;
        IsRemoved = next is null;
        MarkClosed();
        uses.Seal();
    }

    /// <summary>Why calls can't be served, for the text of their errors.</summary>
    public string DescribeNotReady()
    {
        var now = snapshot;
        var since = now.Since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        return now.Status is ComponentStatus.Closed or ComponentStatus.Ready
            ? $"component {Name} is closed"
            : $"component {Name} is not ready since {since}, last error: {now.Error ?? "none, it is still starting"}";
    }

    private void Move(ComponentStatus status, IComponent? instance, string? error)
    {
        // The time of the first failure is kept while attempts go on failing.
        var since = snapshot.Status == status ? snapshot.Since : status == ComponentStatus.Failed ? snapshot.Since : time.GetUtcNow();
        snapshot = new Snapshot(status, instance, since, error);
        settled.TrySetResult();
        Interlocked.Exchange(ref changed, NewSignal()).TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async ValueTask<ComponentUse<T>> WaitAsync<T>(CancellationToken cancellationToken)
        where T : class, IComponent
    {
        var handle = this;
        while (true)
        {
            if (handle.snapshot.Status == ComponentStatus.Starting)
            {
                await handle.settled.Task.WaitAsync(cancellationToken);
            }

            if (handle.TryUse(out ComponentUse<T> use))
            {
                return use;
            }

            if (!handle.TryFollow(out var next))
            {
                throw new ComponentNotReadyException(handle.DescribeNotReady());
            }

            handle = next;
        }
    }

    private bool TryFollow([NotNullWhen(true)] out ComponentHandle? next)
    {
        next = successor;
        return next is not null && next.Kind == Kind;
    }

    private sealed record Snapshot(ComponentStatus Status, IComponent? Instance, DateTimeOffset Since, string? Error);
}

/// <summary>A call met a component that can't serve it now; the message tells since when and why.</summary>
internal sealed class ComponentNotReadyException(string message) : Exception(message);
