namespace DaprK8s.Components.State.InMemory;

/// <summary>An item in memory; a write makes a new one.</summary>
internal sealed class InMemoryItem(string key, ReadOnlyMemory<byte> value, DateTimeOffset? expires, long position, long write)
{
    public string Key { get; } = key;

    public ReadOnlyMemory<byte> Value { get; } = value;

    public string ETag { get; } = Guid.NewGuid().ToString();

    public DateTimeOffset? Expires { get; } = expires;

    /// <summary>The place of the key in the order of insertion; an overwritten key keeps its place.</summary>
    public long Position { get; } = position;

    /// <summary>The number of the write, unique.</summary>
    public long Write { get; } = write;

    public bool IsLive(DateTimeOffset now) => Expires is not { } expires || expires > now;
}

/// <summary>
/// The items of an in-memory store: found by key, ordered by insertion for listing, ordered by expiry for removal.
/// Not thread-safe.
/// </summary>
internal sealed class InMemoryItems
{
    private const int SmallestCompaction = 64;
    private readonly Dictionary<string, InMemoryItem> byKey = new(StringComparer.Ordinal);
    private readonly SortedSet<InMemoryItem> byExpiry = new(Comparer<InMemoryItem>.Create(
        static (a, b) => a.Expires!.Value.CompareTo(b.Expires!.Value) is var order and not 0 ? order : a.Write.CompareTo(b.Write)));

    // Positions ascend; a removed key leaves a hole until the holes outnumber the keys.
    private List<(long Position, string? Key)> byInsertion = [];
    private long lastPosition;
    private long lastWrite;

    /// <summary>When the next item expires.</summary>
    public DateTimeOffset? NextExpiry => byExpiry.Min?.Expires;

    /// <summary>The live item of a key.</summary>
    public InMemoryItem? Find(string key, DateTimeOffset now)
        => byKey.TryGetValue(key, out var item) && item.IsLive(now) ? item : null;

    /// <summary>Writes an item.</summary>
    public void Put(string key, ReadOnlyMemory<byte> value, DateTimeOffset? expires)
    {
        long position;
        if (byKey.TryGetValue(key, out var old))
        {
            position = old.Position;
            ForgetExpiry(old);
        }
        else
        {
            position = ++lastPosition;
            byInsertion.Add((position, key));
        }

        var item = new InMemoryItem(key, value, expires, position, ++lastWrite);
        byKey[key] = item;
        if (expires is not null)
        {
            byExpiry.Add(item);
        }
    }

    /// <summary>Removes an item if it is there.</summary>
    public void Remove(string key)
    {
        if (!byKey.Remove(key, out var item))
        {
            return;
        }

        ForgetExpiry(item);
        byInsertion[IndexAfter(item.Position - 1)] = (item.Position, null);
        if (byInsertion.Count > SmallestCompaction && byInsertion.Count > 2 * byKey.Count)
        {
            byInsertion = byInsertion.FindAll(static e => e.Key is not null);
        }
    }

    /// <summary>Removes what has expired.</summary>
    public void RemoveExpired(DateTimeOffset now)
    {
        while (byExpiry.Min is { } first && !first.IsLive(now))
        {
            Remove(first.Key);
        }
    }

    /// <summary>Lists live keys in the order of insertion.</summary>
    /// <param name="prefix">What the keys start with.</param>
    /// <param name="limit">The most keys.</param>
    /// <param name="after">The position to go on after.</param>
    /// <param name="now">The time.</param>
    public List<InMemoryItem> List(string prefix, int limit, long after, DateTimeOffset now)
    {
        List<InMemoryItem> items = [];
        for (var i = IndexAfter(after); i < byInsertion.Count && items.Count < limit; i++)
        {
            if (byInsertion[i].Key is { } key && key.StartsWith(prefix, StringComparison.Ordinal) && Find(key, now) is { } item)
            {
                items.Add(item);
            }
        }

        return items;
    }

    private void ForgetExpiry(InMemoryItem item)
    {
        if (item.Expires is not null)
        {
            byExpiry.Remove(item);
        }
    }

    private int IndexAfter(long position)
    {
        var low = 0;
        var high = byInsertion.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (byInsertion[middle].Position <= position)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
