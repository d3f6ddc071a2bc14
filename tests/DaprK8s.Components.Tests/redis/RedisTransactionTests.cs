using System.Text;
using DaprK8s.Components.Tests.Support;
using StackExchange.Redis;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Transactions: one script, all or nothing, in order.</summary>
public sealed class RedisTransactionTests(RedisServerFixture fixture) : IClassFixture<RedisServerFixture>, IAsyncLifetime
{
    private readonly string prefix = $"app||{Guid.NewGuid():N}||";
    private ITransactionalStateStore store = null!;
    private RawRedis raw = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        raw = await RawRedis.ConnectAsync(fixture.Server);
        store = await ComponentUnderTest.StartAsync<ITransactionalStateStore>("state.redis", [new("redisHost", fixture.Server.Address)]);
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        await raw.DisposeAsync();
    }

    [Fact]
    public async Task An_ETag_is_compared_with_what_earlier_operations_on_the_key_made_of_it()
    {
        await RunAsync(Set("a", "1"), Set("a", "2") with { ETag = "1" }, Set("a", "3") with { ETag = "2" });
        Assert.Equal(("3", "3"), await ItemAsync("a"));

        await RunAsync(new StateDelete(Key("a")) { ETag = "3" }, new StateAssert(Key("a")), Set("a", "4"), new StateAssert(Key("a")) { ETag = "1" });
        Assert.Equal(("4", "1"), await ItemAsync("a"));

        await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(Set("a", "5") with { ETag = "1" }, Set("a", "6") with { ETag = "1" }));
        await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(new StateDelete(Key("a")), new StateAssert(Key("a")) { ETag = "1" }));
        Assert.Equal(("4", "1"), await ItemAsync("a"));
    }

    [Fact]
    public async Task First_write_is_not_asked_for_in_a_transaction_but_its_mark_is_heeded()
    {
        await RunAsync(Set("plain", "1") with { Concurrency = StateConcurrency.FirstWrite });
        Assert.False(await raw.Database.HashExistsAsync(Key("plain"), "first-write"));
        await store.SetAsync(Set("marked", "1") with { Concurrency = StateConcurrency.FirstWrite }, Stop);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(Set("plain", "2"), Set("marked", "2")));
        await RunAsync(Set("marked", "3") with { ETag = "1" });

        Assert.StartsWith($"failed to set key {Key("marked")}", error.Message);
        Assert.Equal(("1", "1"), await ItemAsync("plain"));
        Assert.Equal(("3", "2"), await ItemAsync("marked"));
    }

    [Fact]
    public async Task An_operation_that_redis_itself_would_refuse_midway_changes_nothing()
    {
        await raw.Database.HashSetAsync(Key("broken"), [new("data", "1"), new("version", "abc")]);

        await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(Set("before", "1"), Set("broken", "2"), Set("after", "1")));

        Assert.False(await raw.Database.KeyExistsAsync(Key("before")));
        Assert.Equal("1", (string?)await raw.Database.HashGetAsync(Key("broken"), "data"));
        Assert.False(await raw.Database.KeyExistsAsync(Key("after")));
    }

    [Fact]
    public async Task A_key_of_another_type_exists_for_an_assertion_and_is_replaced_by_a_write()
    {
        await raw.Database.StringSetAsync(Key("text"), "1");

        await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(new StateAssert(Key("text")), Set("text", "2")));
        await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(new StateAssert(Key("text")) { ETag = "1" }));
        Assert.Equal("1", (string?)await raw.Database.StringGetAsync(Key("text")));

        await RunAsync(Set("text", "2"), Set("text", "3"));
        Assert.Equal(("3", "2"), await ItemAsync("text"));
    }

    [Fact]
    public async Task The_error_names_the_key_that_objected()
    {
        await store.SetAsync(Set("a", "1"), Stop);
        await store.SetAsync(Set("b", "1"), Stop);

        var set = await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(Set("a", "2"), Set("b", "2") with { ETag = "9" }));
        var delete = await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(Set("a", "2"), new StateDelete(Key("b")) { ETag = "9" }));
        var assert = await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync(new StateAssert(Key("a"))));

        Assert.EndsWith($"failed to set key {Key("b")}", set.Message);
        Assert.EndsWith($"failed to delete {Key("b")}", delete.Message);
        Assert.Contains(Key("a"), assert.Message);
    }

    [Fact]
    public async Task A_transaction_of_thousands_of_operations_is_applied_whole_or_not_at_all()
    {
        var operations = Enumerable.Range(0, 5000).Select(i => (StateOperation)Set($"n{i}", $"{i}")).ToList();
        operations.Add(new StateAssert(Key("missing")) { ETag = "1" });
        await Assert.ThrowsAsync<ETagMismatchException>(() => RunAsync([.. operations]));
        Assert.False(await raw.Database.KeyExistsAsync(Key("n0")));

        operations.RemoveAt(operations.Count - 1);
        await RunAsync([.. operations]);

        Assert.Equal(("4999", "1"), await ItemAsync("n4999"));
    }

    private string Key(string name) => prefix + name;

    private StateSet Set(string name, string json) => new(Key(name), new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true));

    private async Task RunAsync(params StateOperation[] operations) => await store.TransactAsync(operations, EmptyMetadata.Instance, Stop);

    private async Task<(string Value, string? ETag)> ItemAsync(string name)
    {
        var item = await store.GetAsync(new StateGet(Key(name)), Stop);
        return (Encoding.UTF8.GetString(item.Value.Span), item.ETag);
    }
}
