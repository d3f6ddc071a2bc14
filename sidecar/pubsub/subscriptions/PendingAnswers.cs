using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// The events of one stream that await their answer, by event id. Ids are the publishers' own and may repeat: answers to one
/// id settle its events in the order in which they were sent, so that none waits for ever.
/// </summary>
internal sealed class PendingAnswers
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, LinkedList<TaskCompletionSource<AppStatus>>> byId = new(StringComparer.Ordinal);

    /// <summary>Announces an event; forget it with <see cref="Remove"/> whatever becomes of it.</summary>
    public Pending Add(string id)
    {
        var answer = new TaskCompletionSource<AppStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (!byId.TryGetValue(id, out var queue))
            {
                byId.Add(id, queue = []);
            }

            return new Pending(id, queue.AddLast(answer));
        }
    }

    /// <summary>Settles the oldest unanswered event of an id.</summary>
    /// <returns>Whether there was one.</returns>
    public bool TryAnswer(string id, AppStatus status)
    {
        lock (gate)
        {
            if (!byId.TryGetValue(id, out var queue))
            {
                return false;
            }

            var oldest = queue.First!;
            RemoveFrom(queue, oldest, id);
            return oldest.Value.TrySetResult(status);
        }
    }

    public void Remove(Pending pending)
    {
        lock (gate)
        {
            if (pending.Node.List is { } queue)
            {
                RemoveFrom(queue, pending.Node, pending.Id);
            }
        }
    }

    private void RemoveFrom(
        LinkedList<TaskCompletionSource<AppStatus>> queue, LinkedListNode<TaskCompletionSource<AppStatus>> node, string id)
    {
        queue.Remove(node);
        if (queue.Count == 0)
        {
            byId.Remove(id);
        }
    }

    /// <summary>An event that awaits its answer.</summary>
    internal readonly record struct Pending(string Id, LinkedListNode<TaskCompletionSource<AppStatus>> Node)
    {
        public Task<AppStatus> Answer => Node.Value.Task;
    }
}
