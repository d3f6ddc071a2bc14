using System.Text;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>A state store whose server dies, freezes or refuses.</summary>
public sealed class RedisStateFaultTests : IAsyncLifetime
{
    private const string Secret = "s3cret-Pa55word";
    private readonly RecordingLogger log = new();
    private RedisServer server = null!;
    private ITransactionalStateStore? store;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private ITransactionalStateStore Store => store!;

    public async ValueTask InitializeAsync() => server = await RedisServer.StartAsync(Secret);

    public async ValueTask DisposeAsync()
    {
        if (store is not null)
        {
            await store.DisposeAsync();
        }

        await server.DisposeAsync();
    }

    [Fact]
    public async Task Calls_fail_with_the_reason_while_the_server_is_down_and_work_again_afterwards()
    {
        await OpenAsync();
        await Store.SetAsync(Set("k", "1"), Stop);
        await server.StopAsync();
        Exception? get = null;
        await Eventually.TrueAsync(
            async () => (get = await Record.ExceptionAsync(async () => await GetAsync("k")))?.Message.Contains("Connection refused", StringComparison.Ordinal) == true,
            "the error of reading says why");
        var set = await Assert.ThrowsAsync<IOException>(async () => await Store.SetAsync(Set("k", "2"), Stop));
        var transaction = await Assert.ThrowsAsync<IOException>(
            async () => await Store.TransactAsync([Set("k", "2"), Set("l", "2")], EmptyMetadata.Instance, Stop));
        var delete = await Assert.ThrowsAnyAsync<Exception>(async () => await Store.DeleteAsync(new StateDelete("k"), Stop));
        var list = await Assert.ThrowsAnyAsync<Exception>(async () => await ((IKeyListingStateStore)Store).ListKeysAsync("k", 0, null, Stop));
        var bulk = await Store.BulkGetAsync([new StateGet("k"), new StateGet("l")], 0, Stop);

        var why = $"redis store: error connecting to redis at {server.Address}: Connection refused";
        Assert.Equal($"failed to get key k: {why}", get!.Message);
        Assert.Equal($"failed to set key k: {why}", set.Message);
        Assert.Equal($"failed to apply the transaction: {why}", transaction.Message);
        Assert.Equal($"failed to delete k: {why}", delete.Message);
        Assert.Contains(server.Address, list.Message);
        Assert.All(bulk, e => Assert.Contains(why, e.Error));
        AssertNothingTold(get, set, transaction, delete, list);

        await server.RestartAsync();
        await Eventually.TrueAsync(async () => await Record.ExceptionAsync(async () => await GetAsync("k")) is null, "reading works again");
        Assert.Equal("1", await GetAsync("k"));
        await Store.SetAsync(Set("k", "2") with { ETag = "1" }, Stop);
        Assert.Equal("2", await GetAsync("k"));
    }

    [Fact]
    public async Task A_connection_that_was_cut_is_not_noticed_by_those_that_call_afterwards()
    {
        await OpenAsync();
        await using var raw = await RawRedis.ConnectAsync(server);
        for (var round = 0; round < 5; round++)
        {
            await raw.RunAsync("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            await Store.BulkGetAsync([new StateGet("k")], 0, Stop);
            Assert.Equal("", await GetAsync("k"));
        }
    }

    [Fact]
    public async Task A_frozen_server_fails_calls_after_the_read_timeout_and_callers_may_give_up_before()
    {
        await OpenAsync(("readTimeout", "500"));
        await server.PauseAsync();

        using var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.GetAsync(new StateGet("k"), gone.Token));
        var get = await Assert.ThrowsAsync<IOException>(() => GetAsync("k"));
        var set = await Assert.ThrowsAsync<IOException>(async () => await Store.SetAsync(Set("k", "1"), Stop));
        await server.ResumeAsync();

        await Eventually.TrueAsync(async () => await Record.ExceptionAsync(() => GetAsync("k")) is null, "reading works again");
        Assert.Contains("no answer", get.Message);
        Assert.Contains("no answer", set.Message);
        AssertNothingTold(get, set);
    }

    [Fact]
    public async Task What_the_server_refuses_is_an_error_with_its_words_and_a_transaction_leaves_nothing()
    {
        await OpenAsync();
        await using var raw = await RawRedis.ConnectAsync(server);
        await Store.SetAsync(Set("k", "1"), Stop);
        await raw.RunAsync("CONFIG", "SET", "maxmemory", "1");

        var set = await Assert.ThrowsAsync<InvalidOperationException>(async () => await Store.SetAsync(Set("k", "2"), Stop));
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await Store.TransactAsync([Set("l", "2"), new StateDelete("k")], EmptyMetadata.Instance, Stop));

        Assert.StartsWith("failed to set key k: OOM", set.Message);
        Assert.Equal("1", await GetAsync("k"));
        Assert.Equal("", await GetAsync("l"));
    }

    [Fact]
    public async Task A_server_that_keeps_its_replication_to_itself_fails_the_start()
    {
        await using var raw = await RawRedis.ConnectAsync(server);
        await raw.RunAsync("ACL", "SETUSER", "app", "on", ">" + Secret, "~*", "&*", "+@all", "-info");

        var error = await Assert.ThrowsAsync<IOException>(() => OpenAsync(("redisUsername", "app")));

        Assert.StartsWith("redis store: INFO replication failed: NOPERM", error.Message);
        AssertNothingTold(error);
    }

    [Fact]
    public async Task A_closed_store_refuses()
    {
        await OpenAsync();
        await Store.DisposeAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => GetAsync("k"));
        await Store.DisposeAsync();
    }

    private static StateSet Set(string key, string json) => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true));

    private async Task<string> GetAsync(string key) => Encoding.UTF8.GetString((await Store.GetAsync(new StateGet(key), Stop)).Value.Span);

    private async Task OpenAsync(params (string Name, string Value)[] settings)
        => store = await ComponentUnderTest.StartAsync<ITransactionalStateStore>(
            "state.redis",
            RawRedis.Settings([("redisHost", server.Address), ("redisPassword", Secret), ("redisMaxRetryInterval", "50ms"), .. settings]),
            logger: log);

    private void AssertNothingTold(params Exception[] errors)
    {
        Assert.All(errors, e => Assert.DoesNotContain(Secret, e.ToString()));
        Assert.All(log.Lines, l => Assert.DoesNotContain(Secret, l.Text));
    }
}
