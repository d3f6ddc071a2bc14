namespace DaprK8s.Components.PubSub.Redis;

/// <summary>
/// The messages that a subscription has fetched and not settled. The server lists them as pending like those of consumers
/// that are gone, so that this is what tells them apart.
/// </summary>
internal sealed class HeldMessages
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, StreamMessage> messages = new(StringComparer.Ordinal);

    /// <summary>Adds a message that was just fetched.</summary>
    /// <returns>Whether it was not there yet.</returns>
    public bool TryAdd(StreamMessage message, long now)
    {
        message.ClaimedAt = now;
        lock (gate)
        {
            return messages.TryAdd(message.Id, message);
        }
    }

    /// <summary>Whether a message is here.</summary>
    public bool Contains(string id)
    {
        lock (gate)
        {
            return messages.ContainsKey(id);
        }
    }

    /// <summary>Forgets messages.</summary>
    public void Remove(IEnumerable<StreamMessage> settled)
    {
        lock (gate)
        {
            foreach (var message in settled)
            {
                messages.Remove(message.Id);
            }
        }
    }

    /// <summary>Forgets a message.</summary>
    public void Remove(StreamMessage settled)
    {
        lock (gate)
        {
            messages.Remove(settled.Id);
        }
    }

    /// <summary>The messages that no handler has yet and that were claimed before a time.</summary>
    public List<StreamMessage> WaitingSince(long before)
    {
        List<StreamMessage> waiting = [];
        lock (gate)
        {
            foreach (var message in messages.Values)
            {
                if (!message.IsHandedOut && message.ClaimedAt < before)
                {
                    waiting.Add(message);
                }
            }
        }

        return waiting;
    }
}
