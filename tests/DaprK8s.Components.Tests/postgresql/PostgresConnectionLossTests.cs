using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>The server, one that only these tests use, goes away and comes back.</summary>
public sealed class PostgresConnectionLossTests(PostgresFixture fixture) : PostgresStateTests, IClassFixture<PostgresFixture>
{
    public static TheoryData<string, string> Calls
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var version in (string[])["v1", "v2"])
            {
                foreach (var call in (string[])["get", "bulk get", "set", "set with etag", "first write", "delete", "delete with etag", "transaction", "list"])
                {
                    data.Add(version, call);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task The_first_call_after_a_crash_of_the_server_works(string version, string call)
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        await using var store = await database.StartStoreAsync(version, time: time);
        var etag = await FillPoolAsync(store);

        await fixture.Server.StopAsync();
        await fixture.Server.RestartAsync();
        time.Advance(TimeSpan.FromSeconds(2));

        await CallAsync(store, call, etag);
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task The_first_call_after_the_sessions_were_ended_works_however_soon_it_comes(string version, string call)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version, time: new FakeTimeProvider());
        var etag = await FillPoolAsync(store);

        await database.ExecuteAsync("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()");

        await CallAsync(store, call, etag);
    }

    [Fact]
    public async Task While_the_server_is_away_calls_fail_without_showing_the_password_and_work_again_when_it_is_back()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync();
        await FillPoolAsync(store);
        await fixture.Server.StopAsync();

        Exception?[] errors =
        [
            await Record.ExceptionAsync(async () => await store.GetAsync(new StateGet("k"), Cancel)),
            await Record.ExceptionAsync(async () => await store.SetAsync(SetOf("k", "1"), Cancel)),
            await Record.ExceptionAsync(() => TransactAsync(store, SetOf("k", "1"), SetOf("l", "1"))),
            await Record.ExceptionAsync(() => database.StartStoreAsync()),
        ];

        Assert.All(errors, e => Assert.DoesNotContain(fixture.Server.Password, Assert.IsAssignableFrom<Exception>(e).ToString(), StringComparison.Ordinal));
        Assert.StartsWith("failed to connect to the database: ", errors[3]!.Message, StringComparison.Ordinal);
        await fixture.Server.RestartAsync();
        await store.SetAsync(SetOf("k", "5"), Cancel);
        Assert.Equal("5", await TextAsync(store, "k"));
    }

    [Fact]
    public async Task Calls_at_the_moment_of_a_crash_either_fail_or_are_kept_and_none_hangs()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v2", new Dictionary<string, string> { ["maxConns"] = "8" });
        using var enough = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(w => Task.Run(async () =>
        {
            List<string> kept = [];
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                try
                {
                    await TransactAsync(store, SetOf($"w||{w}||{i}", "1"), SetOf($"last||{w}", $"{i}"));
                    kept.Add($"w||{w}||{i}");
                }
                catch (NpgsqlException)
                {
                    await Task.Delay(5, Cancel);
                }
            }

            return kept;
        })).ToArray();

        await Support.Eventually.TrueAsync(async () => (await KeysAsync(store, "w||")).Count > 50, "the writers write");
        await fixture.Server.StopAsync();
        await fixture.Server.RestartAsync();
        var before = (await KeysAsync(store, "w||")).Count;
        await Support.Eventually.TrueAsync(async () => (await KeysAsync(store, "w||")).Count > before + 50, "the writers write again");
        await enough.CancelAsync();

        var kept = await Task.WhenAll(writers);
        var keys = (await KeysAsync(store, "w||")).ToHashSet();
        Assert.All(kept.SelectMany(k => k), k => Assert.True(keys.Contains(k), $"{k} was acknowledged and is gone"));
    }

    // Several connections are open and idle, statements prepared.
    private static async Task<string> FillPoolAsync(IStateStore store)
    {
        for (var i = 0; i < 3; i++)
        {
            await store.SetAsync(SetOf("k", $"{i}"), Cancel);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => GetAsync(store, "k")));
        }

        return (await GetAsync(store, "k")).ETag!;
    }

    private static async Task CallAsync(IStateStore store, string call, string etag)
    {
        switch (call)
        {
            case "get":
                Assert.Equal("2", await TextAsync(store, "k"));
                break;
            case "bulk get":
                Assert.Equal(etag, Assert.Single(await store.BulkGetAsync([new("k")], 0, Cancel)).Item.ETag);
                break;
            case "set":
                await store.SetAsync(SetOf("k", "3"), Cancel);
                Assert.Equal("3", await TextAsync(store, "k"));
                break;
            case "set with etag":
                await store.SetAsync(SetOf("k", "3", etag), Cancel);
                Assert.Equal("3", await TextAsync(store, "k"));
                break;
            case "first write":
                await store.SetAsync(SetOf("new", "3") with { Concurrency = StateConcurrency.FirstWrite }, Cancel);
                Assert.Equal("3", await TextAsync(store, "new"));
                break;
            case "delete":
                await store.DeleteAsync(new StateDelete("k"), Cancel);
                Assert.Equal("", await TextAsync(store, "k"));
                break;
            case "delete with etag":
                await store.DeleteAsync(new StateDelete("k") { ETag = etag }, Cancel);
                Assert.Equal("", await TextAsync(store, "k"));
                break;
            case "transaction":
                await TransactAsync(store, SetOf("k", "3", etag), SetOf("l", "3"));
                Assert.Equal("3", await TextAsync(store, "l"));
                break;
            case "list":
                Assert.Equal(["k"], await KeysAsync(store, "k"));
                break;
            default:
                Assert.Fail($"no such call: {call}");
                break;
        }
    }
}
