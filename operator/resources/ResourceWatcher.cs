using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Operator.Resources;

/// <summary>
/// What one stream has yet to be told: a queue in the order in which objects changed, with one place for each object. An object that
/// changes again before its turn is told once, as it is then, so that a slow reader costs no more than the objects there are, holds
/// nobody up and misses nothing.
/// </summary>
/// <param name="isFor">Whether the stream may see an object as it is.</param>
internal sealed class ResourceWatcher(Func<WatchedResource, bool> isFor)
{
    private readonly Lock gate = new();
    private readonly Queue<string> order = new();
    private readonly Dictionary<string, ResourceChange<WatchedResource>> pending = [];
    private TaskCompletionSource? waiter;
    private bool closed;

    /// <summary>Whether the stream sees the object in one of its two states.</summary>
    public bool Sees(in ResourceChange<WatchedResource> change) => IsFor(change.Before) || IsFor(change.After);

    /// <summary>Whether the stream may see an object as it is; nothing is seen by nobody.</summary>
    public bool IsFor(WatchedResource? resource) => resource is not null && isFor(resource);

    /// <summary>Adds a change; never waits.</summary>
    public void Offer(in ResourceChange<WatchedResource> change)
    {
        var name = (change.After ?? change.Before)!.Name;
        lock (gate)
        {
            if (pending.TryGetValue(name, out var former))
            {
                pending[name] = change with { Before = former.Before };
                return;
            }

            if (!Sees(change))
            {
                return;
            }

            pending[name] = change;
            order.Enqueue(name);
            waiter?.TrySetResult();
        }
    }

    /// <summary>Ends the stream once what waits is told.</summary>
    public void Close()
    {
        lock (gate)
        {
            closed = true;
            waiter?.TrySetResult();
        }
    }

    /// <summary>The next change; <see langword="null"/> when there will be none.</summary>
    public async ValueTask<ResourceChange<WatchedResource>?> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task wait;
            lock (gate)
            {
                if (order.TryDequeue(out var name))
                {
                    pending.Remove(name, out var change);
                    return change;
                }

                if (closed)
                {
                    return null;
                }

                waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = waiter.Task;
            }

            await wait.WaitAsync(cancellationToken);
        }
    }
}
