namespace DaprK8s.Components;

/// <summary>What a state store can do beyond get, set and delete (contract: components 1.2).</summary>
[Flags]
public enum StateFeatures
{
    /// <summary>Nothing more.</summary>
    None = 0,

    /// <summary>Optimistic concurrency: every item has an ETag.</summary>
    ETag = 1,

    /// <summary>The store is an <see cref="ITransactionalStateStore"/>.</summary>
    Transactional = 2,

    /// <summary>Items can expire.</summary>
    Ttl = 4,

    /// <summary>Queries of the alpha API.</summary>
    Query = 8,

    /// <summary>Deleting one level below a prefix.</summary>
    DeleteWithPrefix = 16,

    /// <summary>The store is an <see cref="IKeyListingStateStore"/>.</summary>
    KeyListing = 32,

    /// <summary>Items can name the partition they live in.</summary>
    PartitionKey = 64,
}

/// <summary>Which write wins when two meet.</summary>
public enum StateConcurrency
{
    /// <summary>The store's default, which is last write.</summary>
    Unspecified,

    /// <summary>The first write wins: without an ETag the key must not exist yet.</summary>
    FirstWrite,

    /// <summary>The last write wins; an ETag, when given, is still honoured.</summary>
    LastWrite,
}

/// <summary>How far a write must have spread before it is acknowledged.</summary>
public enum StateConsistency
{
    /// <summary>The store's default.</summary>
    Unspecified,

    /// <summary>Replicas may lag.</summary>
    Eventual,

    /// <summary>All replicas have it.</summary>
    Strong,
}

/// <summary>A value on its way into a store.</summary>
/// <param name="Bytes">JSON text, compact, or opaque bytes.</param>
/// <param name="IsJson">
/// The caller gave a JSON value (HTTP API, or <c>contentType: application/json</c>); stores that keep JSON and bytes apart
/// go by this (contract: components 3.2).
/// </param>
public readonly record struct StateValue(ReadOnlyMemory<byte> Bytes, bool IsJson);

/// <summary>A stored item.</summary>
/// <param name="Value">The stored bytes; empty counts as no value.</param>
/// <param name="ETag">The version, or <see langword="null"/> for stores without.</param>
public readonly record struct StateItem(ReadOnlyMemory<byte> Value, string? ETag)
{
    /// <summary>When the item expires, UTC, or <see langword="null"/> when it doesn't (or the store can't tell).</summary>
    public DateTimeOffset? Expires { get; init; }
}

/// <summary>A read.</summary>
public sealed record StateGet(string Key)
{
    /// <summary>The read's consistency.</summary>
    public StateConsistency Consistency { get; init; }

    /// <summary>Request metadata, as the caller spelled it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;
}

/// <summary>One operation of a transaction; also, outside of one, a single write or delete.</summary>
public abstract record StateOperation(string Key)
{
    /// <summary>The ETag the stored item must have; <see langword="null"/> or empty for none.</summary>
    public string? ETag { get; init; }

    /// <summary>Request metadata, as the caller spelled it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;

    /// <summary>Whether an ETag was given; an empty one counts as none.</summary>
    public bool HasETag => !string.IsNullOrEmpty(ETag);
}

/// <summary>Writes an item.</summary>
public sealed record StateSet(string Key, StateValue Value) : StateOperation(Key)
{
    /// <summary>First or last write wins.</summary>
    public StateConcurrency Concurrency { get; init; }

    /// <summary>How far the write must have spread.</summary>
    public StateConsistency Consistency { get; init; }
}

/// <summary>Deletes an item; a missing one is no error unless an ETag is given.</summary>
public sealed record StateDelete(string Key) : StateOperation(Key)
{
    /// <summary>First or last write wins.</summary>
    public StateConcurrency Concurrency { get; init; }

    /// <summary>How far the delete must have spread.</summary>
    public StateConsistency Consistency { get; init; }
}

/// <summary>
/// Asserts, inside a transaction, that a key still has <see cref="StateOperation.ETag"/> (or, without one, that it does not
/// exist) and writes nothing. A transaction with an assertion that doesn't hold changes nothing and fails with
/// <see cref="ETagMismatchException"/>. Actor hosts that lost their actor are fenced with it.
/// </summary>
public sealed record StateAssert(string Key) : StateOperation(Key);

/// <summary>An entry of a bulk read: exactly one for each key asked.</summary>
/// <param name="Key">The key asked.</param>
/// <param name="Item">The item; without value when the key is missing.</param>
/// <param name="Error">Why this key could not be read, or <see langword="null"/>.</param>
public readonly record struct BulkGetEntry(string Key, StateItem Item, string? Error);

/// <summary>A page of keys.</summary>
/// <param name="Keys">Stored keys in the store's stable order.</param>
/// <param name="Next">Pass it to get the next page; <see langword="null"/> on the last one.</param>
public sealed record KeyPage(IReadOnlyList<string> Keys, string? Next);

/// <summary>
/// A key-value store. Keys arrive with their prefix; TTL arrives as request metadata <c>ttlInSeconds</c>
/// (see <see cref="StateTtl"/>). All methods may be called concurrently.
/// </summary>
public interface IStateStore : IComponent
{
    /// <summary>What this instance can do; settled after initialisation.</summary>
    StateFeatures Features { get; }

    /// <summary>Reads an item; a missing or expired one comes back with an empty value and no ETag.</summary>
    ValueTask<StateItem> GetAsync(StateGet request, CancellationToken cancellationToken);

    /// <summary>Writes an item.</summary>
    /// <exception cref="ETagMismatchException">The stored item is another than expected.</exception>
    /// <exception cref="InvalidETagException">The ETag is of no form that this store issues.</exception>
    ValueTask SetAsync(StateSet request, CancellationToken cancellationToken);

    /// <summary>Deletes an item.</summary>
    /// <exception cref="ETagMismatchException">The stored item is another than expected.</exception>
    /// <exception cref="InvalidETagException">The ETag is of no form that this store issues.</exception>
    ValueTask DeleteAsync(StateDelete request, CancellationToken cancellationToken);

    /// <summary>
    /// Reads several items, one entry a key. Stores with a native multi-get override this; the default reads in parallel.
    /// </summary>
    /// <param name="requests">The reads.</param>
    /// <param name="parallelism">How many at once; zero or less means all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
        => DefaultBulk.GetAsync(this, requests, parallelism, cancellationToken);

    /// <summary>Writes several items independently of each other.</summary>
    /// <exception cref="BulkStateException">Some keys failed; the others are written.</exception>
    ValueTask BulkSetAsync(IReadOnlyList<StateSet> requests, CancellationToken cancellationToken)
        => DefaultBulk.RunAsync(requests, SetAsync, cancellationToken);

    /// <summary>Deletes several items independently of each other.</summary>
    /// <exception cref="BulkStateException">Some keys failed; the others are deleted.</exception>
    ValueTask BulkDeleteAsync(IReadOnlyList<StateDelete> requests, CancellationToken cancellationToken)
        => DefaultBulk.RunAsync(requests, DeleteAsync, cancellationToken);
}

/// <summary>A store that applies several operations as one.</summary>
public interface ITransactionalStateStore : IStateStore
{
    /// <summary>The most operations that one transaction may hold; -1 for no limit.</summary>
    int MaxTransactionOperations => -1;

    /// <summary>
    /// Applies <see cref="StateSet"/>, <see cref="StateDelete"/> and <see cref="StateAssert"/> operations in order, all or none.
    /// </summary>
    /// <exception cref="ETagMismatchException">An ETag did not match; nothing was changed.</exception>
    ValueTask TransactAsync(
        IReadOnlyList<StateOperation> operations, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken);
}

/// <summary>A store that can list its keys by prefix, page by page; it says so with <see cref="StateFeatures.KeyListing"/>.</summary>
public interface IKeyListingStateStore : IStateStore
{
    /// <summary>
    /// Lists live keys that start with <paramref name="prefix"/> (stored form, compared exactly). Deleting keys of earlier
    /// pages neither skips nor repeats keys of later ones.
    /// </summary>
    /// <param name="prefix">Must not be empty.</param>
    /// <param name="pageSize">The most keys of a page; zero or less for all.</param>
    /// <param name="continuation"><see cref="KeyPage.Next"/> of the page before, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">The prefix is empty or the token is none of this store's.</exception>
    ValueTask<KeyPage> ListKeysAsync(string prefix, int pageSize, string? continuation, CancellationToken cancellationToken);
}

/// <summary>A store that deletes one level of keys below a prefix (contract: components 3.6).</summary>
public interface IPrefixDeletingStateStore : IStateStore
{
    /// <summary>Deletes the keys directly below <paramref name="prefix"/> and returns how many there were.</summary>
    ValueTask<long> DeleteWithPrefixAsync(string prefix, CancellationToken cancellationToken);
}
