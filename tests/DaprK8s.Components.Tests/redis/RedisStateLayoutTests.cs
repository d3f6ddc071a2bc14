using System.Text;
using DaprK8s.Components.Tests.Support;
using StackExchange.Redis;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>What the store leaves in Redis and what it makes of that which others left there.</summary>
public sealed class RedisStateLayoutTests(RedisServerFixture fixture) : IClassFixture<RedisServerFixture>, IAsyncLifetime
{
    private readonly string key = $"app||{Guid.NewGuid():N}";
    private readonly List<IAsyncDisposable> open = [];
    private ITransactionalStateStore store = null!;
    private RawRedis raw = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        raw = await RawRedis.ConnectAsync(fixture.Server);
        open.Add(raw);
        store = await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var disposable in open)
        {
            await disposable.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_write_is_a_hash_of_data_and_a_version_that_counts()
    {
        await store.SetAsync(Set("{\"a\":1}"), Stop);
        await store.SetAsync(Set("2"), Stop);

        Assert.Equal(new() { ["data"] = "2", ["version"] = "2" }, await HashAsync());
        Assert.Null(await raw.Database.KeyTimeToLiveAsync(key));
    }

    [Fact]
    public async Task A_first_write_leaves_its_mark_and_later_writes_need_the_ETag_even_without_first_write()
    {
        await store.SetAsync(Set("1") with { Concurrency = StateConcurrency.FirstWrite }, Stop);
        Assert.Equal(new() { ["data"] = "1", ["version"] = "1", ["first-write"] = "0" }, await HashAsync());

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(async () => await store.SetAsync(Set("2"), Stop));
        await store.SetAsync(Set("3") with { ETag = "1" }, Stop);

        Assert.StartsWith($"failed to set key {key}: ", refused.Message);
        Assert.Equal(new() { ["data"] = "3", ["version"] = "2", ["first-write"] = "0" }, await HashAsync());
    }

    [Fact]
    public async Task Bytes_are_stored_as_they_are()
    {
        byte[] bytes = [0, 0xff, 0xfe, 13, 10, 0];

        await store.SetAsync(new StateSet(key, new StateValue(bytes, IsJson: false)), Stop);

        Assert.Equal(bytes, (byte[]?)await raw.Database.HashGetAsync(key, "data"));
    }

    [Fact]
    public async Task A_hash_that_Dapr_wrote_is_read_and_goes_on_counting()
    {
        await raw.Database.HashSetAsync(key, [new("version", 41), new("data", "\"old\"")]);

        var item = await store.GetAsync(new StateGet(key), Stop);
        await store.SetAsync(Set("\"new\"") with { ETag = item.ETag }, Stop);

        Assert.Equal("\"old\"", Encoding.UTF8.GetString(item.Value.Span));
        Assert.Equal("41", item.ETag);
        Assert.Equal(new() { ["data"] = "\"new\"", ["version"] = "42" }, await HashAsync());
    }

    [Fact]
    public async Task A_plain_text_of_an_old_version_is_read_without_an_ETag_and_a_write_replaces_it()
    {
        await raw.Database.StringSetAsync(key, "\"plain\"");
        var item = await store.GetAsync(new StateGet(key), Stop);
        var bulk = await store.BulkGetAsync([new StateGet(key)], 0, Stop);

        await store.SetAsync(Set("1") with { ETag = "7" }, Stop);

        Assert.Equal(("\"plain\"", null), (Encoding.UTF8.GetString(item.Value.Span), item.ETag));
        Assert.Equal("\"plain\"", Encoding.UTF8.GetString(bulk[0].Item.Value.Span));
        Assert.Equal(new() { ["data"] = "1", ["version"] = "1" }, await HashAsync());
    }

    [Theory]
    [InlineData("data")]
    [InlineData("version")]
    [InlineData("other")]
    public async Task A_hash_without_data_or_version_is_an_error(string field)
    {
        await raw.Database.HashSetAsync(key, field, "1");

        var error = await Assert.ThrowsAnyAsync<Exception>(async () => await store.GetAsync(new StateGet(key), Stop));

        Assert.Contains("required hash field 'data' or 'version' was not found", error.Message);
    }

    [Fact]
    public async Task A_key_of_another_type_is_an_error_for_itself_alone_and_can_be_deleted()
    {
        await raw.Database.ListRightPushAsync(key, "1");
        await store.SetAsync(Set("2") with { Key = key + "b" }, Stop);

        var entries = await store.BulkGetAsync([new StateGet(key), new StateGet(key + "b")], 0, Stop);
        await store.DeleteAsync(new StateDelete(key), Stop);

        Assert.Contains("WRONGTYPE", entries[0].Error);
        Assert.Null(entries[1].Error);
        Assert.False(await raw.Database.KeyExistsAsync(key));
    }

    [Theory]
    [InlineData("seven")]
    [InlineData("1.5")]
    public async Task An_ETag_that_is_no_number_is_invalid_in_a_write_and_no_match_in_a_delete(string etag)
    {
        await store.SetAsync(Set("1"), Stop);

        var invalid = await Assert.ThrowsAsync<InvalidETagException>(async () => await store.SetAsync(Set("2") with { ETag = etag }, Stop));
        var mismatch = await Assert.ThrowsAsync<ETagMismatchException>(
            async () => await store.DeleteAsync(new StateDelete(key) { ETag = etag }, Stop));

        Assert.StartsWith("invalid etag value", invalid.Message);
        Assert.Contains($"failed to delete {key}", mismatch.Message);
        Assert.Equal(new() { ["data"] = "1", ["version"] = "1" }, await HashAsync());
    }

    [Fact]
    public async Task A_TTL_of_the_component_counts_where_the_request_has_none()
    {
        var expiring = await OpenAsync(("ttlInSeconds", "1000"));
        await expiring.SetAsync(Set("1"), Stop);
        Assert.InRange((await raw.Database.KeyTimeToLiveAsync(key))!.Value.TotalSeconds, 900, 1000);

        await expiring.SetAsync(Set("2") with { Metadata = Ttl("5000") }, Stop);
        Assert.InRange((await raw.Database.KeyTimeToLiveAsync(key))!.Value.TotalSeconds, 4900, 5000);

        await expiring.SetAsync(Set("3") with { Metadata = Ttl("-1") }, Stop);
        Assert.Null(await raw.Database.KeyTimeToLiveAsync(key));

        await expiring.TransactAsync([Set("4")], EmptyMetadata.Instance, Stop);
        Assert.InRange((await raw.Database.KeyTimeToLiveAsync(key))!.Value.TotalSeconds, 900, 1000);
    }

    [Fact]
    public async Task A_write_without_a_TTL_keeps_the_one_there_is()
    {
        await store.SetAsync(Set("1") with { Metadata = Ttl("1000") }, Stop);

        await store.SetAsync(Set("2"), Stop);

        Assert.NotNull(await raw.Database.KeyTimeToLiveAsync(key));
    }

    [Fact]
    public async Task A_database_number_keeps_stores_apart()
    {
        var third = await OpenAsync(("redisDB", "3"));
        await third.SetAsync(Set("3"), Stop);

        Assert.True((await store.GetAsync(new StateGet(key), Stop)).Value.IsEmpty);
        Assert.Equal("3", (string?)await raw.DatabaseNumber(3).HashGetAsync(key, "data"));
        Assert.Equal([key], (await ((IKeyListingStateStore)third).ListKeysAsync(key, 0, null, Stop)).Keys);
        Assert.Empty((await ((IKeyListingStateStore)store).ListKeysAsync(key, 0, null, Stop)).Keys);
    }

    [Fact]
    public async Task Scripts_that_the_server_has_forgotten_are_sent_again()
    {
        await store.SetAsync(Set("1"), Stop);
        await raw.RunAsync("SCRIPT", "FLUSH");

        await store.SetAsync(Set("2"), Stop);

        Assert.Equal("2", (string?)await raw.Database.HashGetAsync(key, "data"));
    }

    [Fact]
    public async Task Values_travel_by_script_hash_after_the_first_write()
    {
        await store.SetAsync(Set("1"), Stop);
        var before = (Eval: await raw.CallsAsync("eval"), Sha: await raw.CallsAsync("evalsha"));

        await store.SetAsync(Set("2"), Stop);

        Assert.Equal(before.Eval, await raw.CallsAsync("eval"));
        Assert.True(await raw.CallsAsync("evalsha") > before.Sha, "a write did not use EVALSHA");
    }

    private StateSet Set(string json) => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true));

    private static Dictionary<string, string> Ttl(string seconds) => new() { [StateTtl.Key] = seconds };

    private async Task<Dictionary<string, string>> HashAsync()
        => (await raw.Database.HashGetAllAsync(key)).ToDictionary(e => e.Name.ToString(), e => e.Value.ToString());

    private async Task<ITransactionalStateStore> OpenAsync(params (string Name, string Value)[] settings)
    {
        var opened = await ComponentUnderTest.StartAsync<ITransactionalStateStore>(
            "state.redis", RawRedis.Settings([("redisHost", fixture.Server.Address), .. settings]));
        open.Add(opened);
        return opened;
    }
}
