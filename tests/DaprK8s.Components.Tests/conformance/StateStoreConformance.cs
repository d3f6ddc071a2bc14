using System.Text;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>
/// What every state store with ETags, transactions, TTL and key listing must do, whatever is behind it
/// (contract: components 3.1 and 13.1). A store runs all of it by deriving a class that says how an instance is made;
/// the documented exemptions are the virtual members below.
/// </summary>
public abstract partial class StateStoreConformance : IAsyncLifetime
{
    private readonly string prefix = $"conformance||{Guid.NewGuid():N}||";
    private IStateStore? store;

    /// <summary>The store, initialised and empty below this test's prefix.</summary>
    protected IStateStore Store => store!;

    /// <summary>The store as a transactional one.</summary>
    protected ITransactionalStateStore Transactional => Assert.IsAssignableFrom<ITransactionalStateStore>(store);

    /// <summary>The store as a key-listing one.</summary>
    protected IKeyListingStateStore Listing => Assert.IsAssignableFrom<IKeyListingStateStore>(store);

    /// <summary>Ends with the test.</summary>
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What the store must say that it can do.</summary>
    protected virtual StateFeatures ExpectedFeatures
        => StateFeatures.ETag | StateFeatures.Transactional | StateFeatures.Ttl | StateFeatures.KeyListing;

    /// <summary>An ETag of the store's own form that no item has.</summary>
    protected virtual string BadETag => "bad-etag";

    /// <summary>The error of a first-write that came second and has no ETag.</summary>
    protected virtual Type FirstWriteRejection => typeof(ETagMismatchException);

    /// <summary>Whether a first-write without ETag is refused also when the item there was written without first-write.</summary>
    protected virtual bool FirstWriteSeesPlainItems => true;

    /// <summary>Whether a read tells when the item expires.</summary>
    protected virtual bool ReportsExpiry => true;

    /// <summary>Whether a write without a TTL makes an expiring item permanent.</summary>
    protected virtual bool WriteWithoutTtlClearsIt => true;

    /// <summary>Whether an expired item can still be deleted by its ETag without an error.</summary>
    protected virtual bool DeleteByETagSeesExpiredItems => false;

    /// <summary>Whether a failing operation (other than an assertion, which always does) undoes the whole transaction.</summary>
    protected virtual bool TransactionsRollBack => true;

    /// <summary>Whether first-write is honoured for the writes of a transaction.</summary>
    protected virtual bool TransactionsHonourFirstWrite => true;

    /// <summary>The store's clock, for the check of expiry times.</summary>
    protected virtual DateTimeOffset Now => DateTimeOffset.UtcNow;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => store = await CreateAsync(null);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (store is not null)
        {
            await store.DisposeAsync();
        }

        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes and initialises an instance; instances of one test share their data.</summary>
    /// <param name="extraMetadata">Component metadata beside what the store needs.</param>
    protected abstract Task<IStateStore> CreateAsync(IDictionary<string, string>? extraMetadata);

    /// <summary>Removes what <see cref="CreateAsync"/> left behind.</summary>
    protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    /// <summary>Moves the clock of a store that keeps time itself; for the others time passes anyway.</summary>
    protected virtual void Advance(TimeSpan time)
    {
    }

    /// <summary>A key of this test alone.</summary>
    protected string Key(string name) => prefix + name;

    /// <summary>A JSON value.</summary>
    protected static StateValue Json(string text) => new(Encoding.UTF8.GetBytes(text), IsJson: true);

    /// <summary>A value of opaque bytes.</summary>
    protected static StateValue Raw(params byte[] bytes) => new(bytes, IsJson: false);

    /// <summary>The request metadata of a TTL.</summary>
    protected static Dictionary<string, string> Ttl(string seconds) => new() { [StateTtl.Key] = seconds };

    /// <summary>Reads a key.</summary>
    protected async Task<StateItem> GetAsync(string key) => await Store.GetAsync(new StateGet(key), Cancel);

    /// <summary>Reads a key as text.</summary>
    protected async Task<string> TextAsync(string key) => Encoding.UTF8.GetString((await GetAsync(key)).Value.Span);

    /// <summary>Reads the ETag of a key that must exist.</summary>
    protected async Task<string> ETagAsync(string key)
    {
        var etag = (await GetAsync(key)).ETag;
        Assert.False(string.IsNullOrEmpty(etag), $"the item {key} came back without an ETag");
        return etag!;
    }

    /// <summary>Writes a JSON value.</summary>
    protected async Task SetAsync(
        string key, string json, string? etag = null, StateConcurrency concurrency = StateConcurrency.Unspecified, string? ttl = null)
        => await Store.SetAsync(SetOf(key, json, etag, concurrency, ttl), Cancel);

    /// <summary>Deletes a key.</summary>
    protected async Task DeleteAsync(string key, string? etag = null) => await Store.DeleteAsync(new StateDelete(key) { ETag = etag }, Cancel);

    /// <summary>Runs a transaction.</summary>
    protected async Task TransactAsync(params StateOperation[] operations)
        => await Transactional.TransactAsync(operations, EmptyMetadata.Instance, Cancel);

    /// <summary>A write of a JSON value.</summary>
    protected static StateSet SetOf(
        string key, string json, string? etag = null, StateConcurrency concurrency = StateConcurrency.Unspecified, string? ttl = null)
        => new(key, Json(json)) { ETag = etag, Concurrency = concurrency, Metadata = ttl is null ? EmptyMetadata.Instance : Ttl(ttl) };

    /// <summary>Fails unless the key has no item.</summary>
    protected async Task AssertMissingAsync(string key)
    {
        var item = await GetAsync(key);
        Assert.True(item.Value.IsEmpty, $"{key} should be missing but holds {Encoding.UTF8.GetString(item.Value.Span)}");
        Assert.Null(item.ETag);
        Assert.Null(item.Expires);
    }

    /// <summary>Lets time pass until an item that was written with a TTL of one second has expired.</summary>
    protected async Task WaitUntilExpiredAsync(string key)
    {
        Advance(TimeSpan.FromSeconds(2));
        await Eventually.TrueAsync(async () => (await GetAsync(key)).Value.IsEmpty, $"{key} expires");
    }

    /// <summary>Lets more than one second of the store's time pass.</summary>
    protected async Task WaitOneSecondOfTtlAsync()
    {
        // The store itself tells when: with an item that expires after everything written before it.
        var witness = Key($"witness-{Guid.NewGuid():N}");
        await SetAsync(witness, "1", ttl: "1");
        await WaitUntilExpiredAsync(witness);
    }
}
