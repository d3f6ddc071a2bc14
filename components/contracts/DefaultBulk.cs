using System.Collections.Concurrent;

namespace DaprK8s.Components;

/// <summary>Bulk operations for stores without native ones: the single operations, in parallel (contract: components 3.1).</summary>
internal static class DefaultBulk
{
    public static async ValueTask<IReadOnlyList<BulkGetEntry>> GetAsync(
        IStateStore store, IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
    {
        var entries = new BulkGetEntry[requests.Count];
        await ForEachAsync(requests.Count, parallelism, cancellationToken, async (i, ct) =>
        {
            var key = requests[i].Key;
            try
            {
                entries[i] = new BulkGetEntry(key, await store.GetAsync(requests[i], ct), null);
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                entries[i] = new BulkGetEntry(key, default, e.Message);
            }
        });
        return entries;
    }

    public static async ValueTask RunAsync<TRequest>(
        IReadOnlyList<TRequest> requests, Func<TRequest, CancellationToken, ValueTask> operation, CancellationToken cancellationToken)
        where TRequest : StateOperation
    {
        if (requests.Count == 1)
        {
            await operation(requests[0], cancellationToken);
            return;
        }

        var failures = new ConcurrentQueue<KeyValuePair<string, Exception>>();
        await ForEachAsync(requests.Count, 0, cancellationToken, async (i, ct) =>
        {
            try
            {
                await operation(requests[i], ct);
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                failures.Enqueue(new(requests[i].Key, e));
            }
        });

        if (!failures.IsEmpty)
        {
            throw new BulkStateException([.. failures]);
        }
    }

    private static Task ForEachAsync(int count, int parallelism, CancellationToken cancellationToken, Func<int, CancellationToken, ValueTask> body)
    {
        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = parallelism <= 0 ? Math.Max(1, count) : parallelism,
            CancellationToken = cancellationToken,
        };
        return Parallel.ForAsync(0, count, options, body);
    }
}
