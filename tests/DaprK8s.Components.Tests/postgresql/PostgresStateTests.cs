using System.Text;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>What the tests of the PostgreSQL state store have in common.</summary>
public abstract class PostgresStateTests
{
    /// <summary>Ends with the test.</summary>
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A write of a JSON value.</summary>
    protected static StateSet SetOf(string key, string json, string? etag = null, int? ttl = null)
        => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true))
        {
            ETag = etag,
            Metadata = ttl is null ? EmptyMetadata.Instance : new Dictionary<string, string> { [StateTtl.Key] = $"{ttl}" },
        };

    /// <summary>A write of bytes.</summary>
    protected static StateSet BytesOf(string key, params byte[] bytes) => new(key, new StateValue(bytes, IsJson: false));

    /// <summary>Reads an item.</summary>
    protected static async Task<StateItem> GetAsync(IStateStore store, string key) => await store.GetAsync(new StateGet(key), Cancel);

    /// <summary>Reads an item as text; empty when missing.</summary>
    protected static async Task<string> TextAsync(IStateStore store, string key) => Encoding.UTF8.GetString((await GetAsync(store, key)).Value.Span);

    /// <summary>Runs a transaction.</summary>
    protected static async Task TransactAsync(IStateStore store, params StateOperation[] operations)
        => await ((ITransactionalStateStore)store).TransactAsync(operations, EmptyMetadata.Instance, Cancel);

    /// <summary>Lists all keys below a prefix.</summary>
    protected static async Task<IReadOnlyList<string>> KeysAsync(IStateStore store, string prefix)
        => (await ((IKeyListingStateStore)store).ListKeysAsync(prefix, 0, null, Cancel)).Keys;
}
