using System.Collections.Concurrent;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.Tests.State;

/// <summary>The in-memory store behind a gate that a test can shut: it records what arrives and fails what it is told to fail.</summary>
internal sealed class ScriptedStateStore(ITransactionalStateStore inner) : ITransactionalStateStore
{
    /// <summary>Everything that reached the store, in order.</summary>
    public ConcurrentQueue<StateOperation> Writes { get; } = [];

    public ConcurrentQueue<StateGet> Reads { get; } = [];

    /// <summary>The failure of a write or delete, or null to let it through.</summary>
    public Func<StateOperation, Exception?> FailWrite { get; set; } = _ => null;

    public Func<StateGet, Exception?> FailRead { get; set; } = _ => null;

    /// <summary>The failure of a whole bulk read or transaction.</summary>
    public Exception? FailWhole { get; set; }

    public int? LastParallelism { get; private set; }

    public IReadOnlyDictionary<string, string>? TransactionMetadata { get; private set; }

    public StateFeatures Features { get; set; } = inner.Features;

    public int MaxTransactionOperations { get; set; } = -1;

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => inner.InitAsync(context, cancellationToken);

    public ValueTask<StateItem> GetAsync(StateGet request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Reads.Enqueue(request);
        return FailRead(request) is { } failure ? throw failure : inner.GetAsync(request, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(
        IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
    {
        LastParallelism = parallelism;
        if (FailWhole is not null)
        {
            throw FailWhole;
        }

        List<BulkGetEntry> entries = [];
        foreach (var request in requests)
        {
            Reads.Enqueue(request);
            entries.Add(FailRead(request) is { } failure
                ? new BulkGetEntry(request.Key, default, failure.Message)
                : new BulkGetEntry(request.Key, await inner.GetAsync(request, cancellationToken), null));
        }

        return entries;
    }

    public ValueTask SetAsync(StateSet request, CancellationToken cancellationToken)
    {
        Writes.Enqueue(request);
        return FailWrite(request) is { } failure ? throw failure : inner.SetAsync(request, cancellationToken);
    }

    public ValueTask DeleteAsync(StateDelete request, CancellationToken cancellationToken)
    {
        Writes.Enqueue(request);
        return FailWrite(request) is { } failure ? throw failure : inner.DeleteAsync(request, cancellationToken);
    }

    public ValueTask TransactAsync(
        IReadOnlyList<StateOperation> operations, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        TransactionMetadata = metadata;
        foreach (var operation in operations)
        {
            Writes.Enqueue(operation);
        }

        return FailWhole is not null ? throw FailWhole : inner.TransactAsync(operations, metadata, cancellationToken);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
