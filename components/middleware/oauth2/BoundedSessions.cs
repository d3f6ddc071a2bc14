using System.Buffers.Text;
using System.Security.Cryptography;

namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>
/// Sessions under ids that cannot be guessed. Each ends at its time; when there are too many, the oldest go first, so that
/// strangers who start sessions cannot use up the memory.
/// </summary>
internal sealed class BoundedSessions<T>(int capacity, TimeProvider time)
    where T : class
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, LinkedListNode<Session>> byId = new(StringComparer.Ordinal);
    private readonly LinkedList<Session> oldestFirst = new();

    public int Count
    {
        get
        {
            lock (gate)
            {
                return byId.Count;
            }
        }
    }

    /// <summary>Starts a session.</summary>
    /// <returns>Its id: 256 random bits.</returns>
    public string Add(T value, TimeSpan lifetime)
    {
        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var now = time.GetUtcNow();
        lock (gate)
        {
            while (oldestFirst.First is { Value: var oldest } && (byId.Count >= capacity || oldest.End <= now))
            {
                Drop(oldest.Id);
            }

            byId[id] = oldestFirst.AddLast(new Session(id, value, now + lifetime));
        }

        return id;
    }

    /// <summary>What a session holds, unless there is none or it has ended.</summary>
    public T? Find(string? id)
    {
        if (string.IsNullOrEmpty(id))
        {
            return null;
        }

        lock (gate)
        {
            if (!byId.TryGetValue(id, out var node))
            {
                return null;
            }

            if (node.Value.End > time.GetUtcNow())
            {
                return node.Value.Value;
            }

            Drop(id);
            return null;
        }
    }

    public void Remove(string id)
    {
        lock (gate)
        {
            Drop(id);
        }
    }

    private void Drop(string id)
    {
        if (byId.Remove(id, out var node))
        {
            oldestFirst.Remove(node);
        }
    }

    private sealed record Session(string Id, T Value, DateTimeOffset End);
}
