using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>Expired rows are removed once an interval, by one of the instances.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresCleanupTests(PostgresFixture fixture) : PostgresStateTests
{
    public static TheoryData<string, string, string> Versions => new()
    {
        { "v1", "expiredate", "last-cleanup" },
        { "v2", "expires_at", "last-cleanup-state-v2-" },
    };

    private static Task<long> CountAsync(PostgresTestDatabase database, string key)
        => database.ScalarAsync<long>($"SELECT count(*) FROM state WHERE key = '{key}'");

    private static async Task ExpireAsync(PostgresTestDatabase database, IStateStore store, string expiry, string key)
    {
        await store.SetAsync(SetOf(key, "1", ttl: 100), Cancel);
        await database.ExecuteAsync($"UPDATE state SET {expiry} = now() - interval '1 second' WHERE key = '{key}'");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Expired_rows_are_removed_after_an_interval_and_no_others(string version, string expiry, string noteKey)
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        await using var store = await database.StartStoreAsync(version, time: time);
        await ExpireAsync(database, store, expiry, "dead");
        await store.SetAsync(SetOf("live", "1", ttl: 100), Cancel);
        await store.SetAsync(SetOf("eternal", "1"), Cancel);

        time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(0, await database.ScalarAsync<long>($"SELECT count(*) FROM dapr_metadata WHERE key = '{noteKey}'"));
        Assert.Equal(1, await CountAsync(database, "dead"));
        time.Advance(TimeSpan.FromMinutes(1));

        await Eventually.TrueAsync(async () => await CountAsync(database, "dead") == 0, "the expired row is removed");
        Assert.Equal(1, await CountAsync(database, "live"));
        Assert.Equal(1, await CountAsync(database, "eternal"));
        Assert.True(await database.ScalarAsync<bool>($"SELECT now() - value::timestamptz < interval '1 minute' FROM dapr_metadata WHERE key = '{noteKey}'"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_cleanup_of_another_instance_less_than_an_interval_ago_is_enough(string version, string expiry, string noteKey)
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        var log = new RecordingLogger();
        await using var store = await database.StartStoreAsync(version, new Dictionary<string, string> { ["cleanupInterval"] = "10m" }, time, log);
        await ExpireAsync(database, store, expiry, "dead");
        await database.ExecuteAsync($"INSERT INTO dapr_metadata (key, value) VALUES ('{noteKey}', (now() - interval '9 minutes')::text)");

        time.Advance(TimeSpan.FromMinutes(10));
        await Eventually.TrueAsync(() => log.Lines.Any(l => l.Text.Contains("another instance", StringComparison.Ordinal)), "the store finds that it has no turn");
        Assert.Equal(1, await CountAsync(database, "dead"));
        await database.ExecuteAsync($"UPDATE dapr_metadata SET value = (now() - interval '10 minutes')::text WHERE key = '{noteKey}'");
        time.Advance(TimeSpan.FromMinutes(10));

        await Eventually.TrueAsync(async () => await CountAsync(database, "dead") == 0, "the expired row is removed at the next turn");
    }

    [Fact]
    public async Task A_failed_cleanup_is_logged_and_the_next_one_comes()
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        var log = new RecordingLogger();
        await using var store = await database.StartStoreAsync("v1", time: time, logger: log);
        await ExpireAsync(database, store, "expiredate", "dead");
        await database.ExecuteAsync("ALTER TABLE dapr_metadata RENAME TO hidden");

        time.Advance(TimeSpan.FromHours(1));
        await Eventually.TrueAsync(
            () => log.Lines.Any(l => l.Level == LogLevel.Error && l.Text.StartsWith("Error removing expired data: ", StringComparison.Ordinal)), "the failure is logged");
        await database.ExecuteAsync("ALTER TABLE hidden RENAME TO dapr_metadata");
        time.Advance(TimeSpan.FromHours(1));

        await Eventually.TrueAsync(async () => await CountAsync(database, "dead") == 0, "the expired row is removed");
    }

    [Theory]
    [InlineData("cleanupInterval", "0")]
    [InlineData("cleanupInterval", "-1")]
    [InlineData("cleanupIntervalInSeconds", "0")]
    [InlineData("cleanupInterval", "-5m")]
    public async Task Zero_or_less_turns_the_cleanup_off(string field, string value)
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        await using (var store = await database.StartStoreAsync("v1", new Dictionary<string, string> { [field] = value }, time))
        {
            await ExpireAsync(database, store, "expiredate", "dead");
            time.Advance(TimeSpan.FromDays(2));
        }

        // Disposing waits for a run under way, so by now one would have left its note.
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM dapr_metadata WHERE key = 'last-cleanup'"));
        Assert.Equal(1, await CountAsync(database, "dead"));
    }

    [Theory]
    [InlineData("cleanupInterval", "", 3600)]
    [InlineData("cleanupInterval", "90", 90)]
    [InlineData("cleanupIntervalInSeconds", "90", 90)]
    [InlineData("cleanupInterval", "1h30m", 5400)]
    [InlineData("cleanupInterval", "2400h", 4_233_600)]
    public async Task The_interval_is_a_duration_or_seconds_and_empty_means_an_hour(string field, string value, int seconds)
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        await using var store = await database.StartStoreAsync("v2", new Dictionary<string, string> { [field] = value }, time);
        await ExpireAsync(database, store, "expires_at", "dead");

        time.Advance(TimeSpan.FromSeconds(seconds));

        await Eventually.TrueAsync(async () => await CountAsync(database, "dead") == 0, "the expired row is removed");
    }

    [Fact]
    public async Task Of_several_instances_one_cleans_up()
    {
        await using var database = await fixture.NewDatabaseAsync();
        var time = new FakeTimeProvider();
        var logs = Enumerable.Range(0, 4).Select(_ => new RecordingLogger()).ToArray();
        List<IStateStore> stores = [];
        foreach (var log in logs)
        {
            stores.Add(await database.StartStoreAsync("v1", time: time, logger: log));
        }

        await ExpireAsync(database, stores[0], "expiredate", "dead");
        time.Advance(TimeSpan.FromHours(1));
        await Eventually.TrueAsync(() => logs.All(l => Took(l) || Skipped(l)), "every instance has looked whether it is its turn");

        Assert.Single(logs, Took);
        foreach (var store in stores)
        {
            await store.DisposeAsync();
        }

        static bool Took(RecordingLogger log) => log.Lines.Any(l => l.Text == "Removed 1 expired rows");
        static bool Skipped(RecordingLogger log) => log.Lines.Any(l => l.Text.Contains("another instance", StringComparison.Ordinal));
    }
}
