using System.Globalization;

namespace DaprK8s.Components.State.InMemory;

/// <summary>
/// Keeps state in this process's memory (contract: components 3.7): everything that a store can do, and all of it gone at exit.
/// </summary>
internal sealed class InMemoryStateStore : ITransactionalStateStore, IKeyListingStateStore, IPrefixDeletingStateStore
{
    private const string Separator = "||";
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);
    private readonly Lock gate = new();
    private InMemoryItems items = new();
    private TimeProvider time = TimeProvider.System;
    private ITimer? sweep;
    private DateTimeOffset nextSweep = DateTimeOffset.MaxValue;

    public StateFeatures Features
        => StateFeatures.ETag | StateFeatures.Transactional | StateFeatures.Ttl | StateFeatures.KeyListing | StateFeatures.DeleteWithPrefix;

    public static ProviderDescriptor Describe() => new("Keeps state in memory until the process ends.", [], () => new InMemoryStateStore());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        time = context.Time;
        sweep = time.CreateTimer(static store => ((InMemoryStateStore)store!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    public ValueTask<StateItem> GetAsync(StateGet request, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            return ValueTask.FromResult(Read(request.Key));
        }
    }

    public ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
    {
        var entries = new BulkGetEntry[requests.Count];
        lock (gate)
        {
            for (var i = 0; i < entries.Length; i++)
            {
                entries[i] = new BulkGetEntry(requests[i].Key, Read(requests[i].Key), null);
            }
        }

        return ValueTask.FromResult<IReadOnlyList<BulkGetEntry>>(entries);
    }

    public ValueTask SetAsync(StateSet request, CancellationToken cancellationToken) => Apply([request]);

    public ValueTask DeleteAsync(StateDelete request, CancellationToken cancellationToken) => Apply([request]);

    public ValueTask TransactAsync(
        IReadOnlyList<StateOperation> operations, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var copy = new StateOperation[operations.Count];
        for (var i = 0; i < copy.Length; i++)
        {
            copy[i] = operations[i];
        }

        return Apply(copy);
    }

    public ValueTask<KeyPage> ListKeysAsync(string prefix, int pageSize, string? continuation, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        long after = 0;
        if (continuation is not null && !long.TryParse(continuation, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            throw new ArgumentException($"invalid continue token: {continuation}", nameof(continuation));
        }

        var limit = pageSize is > 0 and < int.MaxValue ? pageSize : int.MaxValue - 1;
        List<InMemoryItem> found;
        lock (gate)
        {
            // One more than asked tells whether another page follows.
            found = items.List(prefix, limit + 1, after, time.GetUtcNow());
        }

        var keys = new string[Math.Min(found.Count, limit)];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = found[i].Key;
        }

        var next = found.Count > limit ? found[limit - 1].Position.ToString(CultureInfo.InvariantCulture) : null;
        return ValueTask.FromResult(new KeyPage(keys, next));
    }

    public ValueTask<long> DeleteWithPrefixAsync(string prefix, CancellationToken cancellationToken)
    {
        if (prefix is "" or Separator)
        {
            throw new ArgumentException("a prefix is required for deleteWithPrefix request", nameof(prefix));
        }

        var below = prefix.EndsWith(Separator, StringComparison.Ordinal) ? prefix : prefix + Separator;
        long count = 0;
        lock (gate)
        {
            foreach (var item in items.List(below, int.MaxValue, 0, time.GetUtcNow()))
            {
                if (!item.Key.AsSpan(below.Length).Contains(Separator, StringComparison.Ordinal))
                {
                    items.Remove(item.Key);
                    count++;
                }
            }
        }

        return ValueTask.FromResult(count);
    }

    public ValueTask DisposeAsync()
    {
        lock (gate)
        {
            sweep?.Dispose();
            sweep = null;
            items = new InMemoryItems();
        }

        return ValueTask.CompletedTask;
    }

    private ValueTask Apply(ReadOnlySpan<StateOperation> operations)
    {
        // What can fail without looking at the items, and what takes long, stays outside of the lock.
        var now = time.GetUtcNow();
        var expiries = new DateTimeOffset?[operations.Length];
        var values = new byte[operations.Length][];
        for (var i = 0; i < operations.Length; i++)
        {
            if (operations[i] is StateSet set)
            {
                expiries[i] = TtlOf(set) is > 0 and var seconds ? now.AddSeconds(seconds) : null;
                values[i] = set.Value.Bytes.ToArray();
            }
        }

        lock (gate)
        {
            foreach (var operation in operations)
            {
                Check(operation, now);
            }

            for (var i = 0; i < operations.Length; i++)
            {
                switch (operations[i])
                {
                    case StateSet set:
                        items.Put(set.Key, values[i], expiries[i]);
                        break;
                    case StateDelete delete:
                        items.Remove(delete.Key);
                        break;
                }
            }

            ScheduleSweep(now);
        }

        return ValueTask.CompletedTask;
    }

    // Any negative number means no expiry here, not just -1.
    private static int? TtlOf(StateSet set)
        => set.Metadata.TryGetValue(StateTtl.Key, out var text)
            && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) && seconds < 0
            ? 0
            : StateTtl.Read(set.Metadata);

    private void Check(StateOperation operation, DateTimeOffset now)
    {
        var item = items.Find(operation.Key, now);
        if (operation.HasETag)
        {
            if (item is null)
            {
                throw new ETagMismatchException($"state not exist or expired for key={operation.Key}");
            }

            if (item.ETag != operation.ETag)
            {
                throw new ETagMismatchException($"state etag not match for key={operation.Key}: current={item.ETag}, expect={operation.ETag}");
            }

            return;
        }

        var mustBeAbsent = operation is StateAssert
            or StateSet { Concurrency: StateConcurrency.FirstWrite }
            or StateDelete { Concurrency: StateConcurrency.FirstWrite };
        if (mustBeAbsent && item is not null)
        {
            throw new ETagMismatchException("item already exists and no etag was passed");
        }
    }

    private StateItem Read(string key)
        => items.Find(key, time.GetUtcNow()) is { } item ? new StateItem(item.Value, item.ETag) { Expires = item.Expires } : default;

    private void ScheduleSweep(DateTimeOffset now)
    {
        if (items.NextExpiry is not { } expiry || expiry + SweepInterval >= nextSweep)
        {
            return;
        }

        var wait = expiry - now + SweepInterval;
        wait = wait < SweepInterval ? SweepInterval : wait > LongestWait ? LongestWait : wait;
        nextSweep = now + wait;
        sweep?.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void Sweep()
    {
        lock (gate)
        {
            nextSweep = DateTimeOffset.MaxValue;
            var now = time.GetUtcNow();
            items.RemoveExpired(now);
            ScheduleSweep(now);
        }
    }
}
