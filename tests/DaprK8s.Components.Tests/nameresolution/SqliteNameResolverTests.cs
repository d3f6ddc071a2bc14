using System.Net;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.NameResolution;

public sealed class SqliteNameResolverTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-names-").FullName;

    private string Database => Path.Combine(directory, "names.db");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task The_tables_are_those_that_the_reference_makes()
    {
        await using var resolver = await StartAsync();
        Assert.Equal(
            ["0 registration_id TEXT 1 1", "1 address TEXT 1 0", "2 app_id TEXT 1 0", "3 namespace TEXT 1 0", "4 last_update INTEGER 1 0"],
            Rows("SELECT cid || ' ' || name || ' ' || type || ' ' || \"notnull\" || ' ' || pk FROM pragma_table_info('hosts')"));
        Assert.Equal(
            ["hosts_address_idx 1 address", "hosts_last_update_idx 0 last_update"],
            Rows("SELECT l.name || ' ' || l.\"unique\" || ' ' || i.name FROM pragma_index_list('hosts') l, pragma_index_info(l.name) i WHERE l.origin = 'c' ORDER BY 1"));
        Assert.Equal(
            ["0 key TEXT 1 1", "1 value TEXT 1 0"],
            Rows("SELECT cid || ' ' || name || ' ' || upper(type) || ' ' || \"notnull\" || ' ' || pk FROM pragma_table_info('metadata')"));
        Assert.Equal(["nr-migrations 1"], Rows("SELECT key || ' ' || value FROM metadata"));
        Assert.Equal(["wal"], Rows("PRAGMA journal_mode"));
    }

    [Fact]
    public async Task A_sidecar_enters_itself_and_takes_itself_out()
    {
        var resolver = await AnnouncedAsync("orders", "10.0.0.1", 50002);
        Assert.Equal(
            ["36 10.0.0.1:50002 orders [] 1"],
            Rows("SELECT length(registration_id) || ' ' || address || ' ' || app_id || ' [' || namespace || '] ' || (unixepoch() - last_update < 5) FROM hosts"));
        await resolver.DisposeAsync();
        Assert.Empty(Rows("SELECT address FROM hosts"));
    }

    [Fact]
    public async Task Sidecars_of_one_file_find_all_instances()
    {
        await using var first = await AnnouncedAsync("orders", "10.0.0.1", 50002);
        await using var second = await AnnouncedAsync("orders", "fd00::2", 50002);
        await using var other = await AnnouncedAsync("shop", "10.0.0.3", 50002);
        Assert.Equal(["10.0.0.1:50002", "[fd00::2]:50002"], (await other.ResolveAsync("orders", "", 0, Token)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_row_of_another_implementation_is_found_whatever_its_namespace()
    {
        await using var resolver = await StartAsync();
        Insert("their-id", "10.0.0.9:50002", "orders", "prod", age: 0);
        Assert.Equal(["10.0.0.9:50002"], await resolver.ResolveAsync("orders", "test", 0, Token));
    }

    [Fact]
    public async Task A_row_that_was_not_renewed_in_time_does_not_count()
    {
        await using var resolver = await StartAsync(("updateInterval", "1h"));
        Insert("old", "10.0.0.8:1", "orders", "", age: 3600);
        Insert("young", "10.0.0.9:1", "orders", "", age: 3500);
        Assert.Equal(["10.0.0.9:1"], await resolver.ResolveAsync("orders", "", 0, Token));
    }

    [Fact]
    public async Task An_app_id_without_rows_is_not_found_and_those_with_are_told()
    {
        await using var resolver = await AnnouncedAsync("orders", "10.0.0.1", 50002);
        Insert("x", "10.0.0.9:1", "stock", "", age: 0);
        Insert("y", "10.0.0.9:2", "gone", "", age: 60);
        Assert.Empty(await resolver.ResolveAsync("oders", "", 0, Token));
        Assert.Equal(["orders", "stock"], resolver.SeenAppIds);
    }

    [Fact]
    public async Task An_address_that_is_entered_again_takes_the_place_of_the_old_entry()
    {
        await using var resolver = await StartAsync();
        Insert("crashed", "10.0.0.1:50002", "orders", "", age: 1);
        await resolver.AnnounceAsync(Self("shop", "10.0.0.1", 50002), Token);
        Assert.Equal(["shop"], Rows("SELECT app_id FROM hosts"));
    }

    [Fact]
    public async Task The_row_is_renewed_before_it_is_too_old()
    {
        FakeTimeProvider time = new();
        await using var resolver = await StartAsync(time, new RecordingLogger());
        await resolver.AnnounceAsync(Self("orders", "10.0.0.1", 50002), Token);
        Execute("UPDATE hosts SET last_update = 1");
        await Advance.UntilAsync(time, TimeSpan.FromSeconds(1), () => Rows("SELECT 1 FROM hosts WHERE last_update > 1").Length == 1, "the row is renewed");
        Assert.InRange(time.GetUtcNow() - time.Start, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_row_that_vanished_is_entered_again_and_told_in_the_log()
    {
        FakeTimeProvider time = new();
        RecordingLogger logger = new();
        await using var resolver = await StartAsync(time, logger);
        await resolver.AnnounceAsync(Self("orders", "10.0.0.1", 50002), Token);
        Execute("DELETE FROM hosts");
        await Advance.UntilAsync(time, TimeSpan.FromSeconds(1), () => Rows("SELECT app_id FROM hosts") is ["orders"], "the row is back");
        await Eventually.TrueAsync(
            () => logger.Lines.Any(l => l.Text == "Host registration lost; registered again"), "the loss is told in the log");
    }

    [Fact]
    public async Task A_row_that_another_sidecar_took_over_is_left_to_it()
    {
        FakeTimeProvider time = new();
        RecordingLogger logger = new();
        await using var resolver = await StartAsync(time, logger);
        await resolver.AnnounceAsync(Self("orders", "10.0.0.1", 50002), Token);
        Execute("REPLACE INTO hosts VALUES ('theirs', '10.0.0.1:50002', 'stock', '', unixepoch())");
        await Advance.UntilAsync(
            time, TimeSpan.FromSeconds(1), () => logger.Lines.Any(l => l.Text.Contains("another sidecar has taken over", StringComparison.Ordinal)), "the loss is told");
        Assert.Equal(["stock"], Rows("SELECT app_id FROM hosts"));
    }

    [Fact]
    public async Task Stale_rows_are_removed_and_live_ones_stay()
    {
        FakeTimeProvider time = new();
        await using var resolver = await StartAsync(time, new RecordingLogger(), ("updateInterval", "60"));
        Insert("stale", "10.0.0.8:1", "orders", "", age: 61);
        Insert("live", "10.0.0.9:1", "orders", "", age: 0);
        time.Advance(TimeSpan.FromHours(1));
        await Eventually.TrueAsync(() => Rows("SELECT registration_id FROM hosts") is ["live"], "the stale row is removed");
        Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", Assert.Single(Rows("SELECT value FROM metadata WHERE key = 'nr-last-cleanup'")));
    }

    [Fact]
    public async Task Rows_are_not_removed_when_another_sidecar_has_just_done_so()
    {
        FakeTimeProvider time = new();
        RecordingLogger logger = new();
        await using var resolver = await StartAsync(time, logger);
        Execute("INSERT INTO metadata VALUES ('nr-last-cleanup', CURRENT_TIMESTAMP)");
        Insert("stale", "10.0.0.8:1", "orders", "", age: 60);
        time.Advance(TimeSpan.FromHours(1));
        await Eventually.TrueAsync(
            () => logger.Lines.Any(l => l.Text.Contains("by another instance", StringComparison.Ordinal)), "the cleanup finds that it is too early");
        Assert.Equal(["stale"], Rows("SELECT registration_id FROM hosts"));
    }

    [Fact]
    public async Task Many_sidecars_can_make_one_database_at_once()
    {
        var started = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Run(() => AnnouncedAsync("orders", $"10.0.0.{i}", 50002))));
        Assert.Equal(8, (await started[0].ResolveAsync("orders", "", 0, Token)).Count);
        foreach (var resolver in started)
        {
            await resolver.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_read_only_database_can_be_looked_up_and_stays_as_it_is()
    {
        await using (await StartAsync(("disableWAL", "true")))
        {
            Insert("x", "10.0.0.9:1", "orders", "", age: 0);
        }

        var before = await File.ReadAllBytesAsync(Database, Token);
        await using (var resolver = await StartAsync(("connectionString", $"file:{Database}?mode=ro")))
        {
            Assert.Equal(["10.0.0.9:1"], await resolver.ResolveAsync("orders", "", 0, Token));
            await Assert.ThrowsAsync<SqliteException>(() => resolver.AnnounceAsync(Self("shop", "10.0.0.1", 1), Token));
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(Database, Token));
    }

    [Fact]
    public async Task A_database_of_a_later_version_is_left_as_it_is()
    {
        Execute("CREATE TABLE metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL); INSERT INTO metadata VALUES ('nr-migrations', '7')");
        await using var resolver = await StartAsync();
        Assert.Equal(["7"], Rows("SELECT value FROM metadata"));
        Assert.Empty(Rows("SELECT name FROM sqlite_master WHERE name = 'hosts'"));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    public async Task A_database_with_a_senseless_version_is_refused(string level)
    {
        Execute($"CREATE TABLE metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL); INSERT INTO metadata VALUES ('nr-migrations', '{level}')");
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync());
        Assert.Equal($"invalid migration level found in metadata table: {level}", error.Message);
    }

    [Fact]
    public async Task Tables_can_have_other_names()
    {
        await using var resolver = await StartAsync(("tableName", "sidecars"), ("metadataTableName", "versions"));
        Assert.Equal(["sidecars", "versions"], Rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"));
    }

    [Fact]
    public async Task A_database_in_memory_serves_one_process()
    {
        RecordingLogger logger = new();
        await using var resolver = await ComponentUnderTest.StartAsync<INameResolver>(
            "nameresolution.sqlite", new Dictionary<string, string> { ["url"] = ":memory:" }, logger: logger);
        await resolver.AnnounceAsync(Self("orders", "10.0.0.1", 50002), Token);
        Assert.Equal(["10.0.0.1:50002"], await resolver.ResolveAsync("orders", "", 0, Token));
        Assert.Contains(logger.Lines, l => l.Text.StartsWith("Configuring name resolution with an in-memory SQLite database.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("connectionString", "", "missing connection string")]
    [InlineData("timeout", "500ms", "timeout must be at least 1s")]
    [InlineData("updateInterval", "2500ms", "update interval must not contain fractions of seconds")]
    [InlineData("updateInterval", "1s", "update interval must be at least 1s greater than timeout")]
    [InlineData("tableName", "a;b", "invalid identifier: a;b")]
    [InlineData("metadataTableName", "a b", "invalid identifier: a b")]
    [InlineData("connectionString", "x.db?_pragma=busy_timeout(1)", "found forbidden option '_pragma=busy_timeout' in the connection string")]
    [InlineData("connectionString", "x.db?_pragma=JOURNAL_MODE%3DWAL", "found forbidden option '_pragma=journal_mode' in the connection string")]
    [InlineData("connectionString", "x.db?_pragma=foreign_keys(1)", "found forbidden option '_pragma=foreign_keys' in the connection string")]
    public async Task A_setting_is_refused(string field, string value, string problem)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync((field, value)));
        Assert.Equal(field, error.Field);
        Assert.EndsWith(problem, error.Message, StringComparison.Ordinal);
    }

    private static Announcement Self(string appId, string address, int port) => new(appId, "ns", IPAddress.Parse(address), port, 3500, 0);

    private async Task<INameResolver> AnnouncedAsync(string appId, string address, int port)
    {
        var resolver = await StartAsync();
        await resolver.AnnounceAsync(Self(appId, address, port), Token);
        return resolver;
    }

    private Task<INameResolver> StartAsync(params (string Name, string Value)[] settings)
        => StartAsync(TimeProvider.System, new RecordingLogger(), settings);

    private Task<INameResolver> StartAsync(TimeProvider time, RecordingLogger logger, params (string Name, string Value)[] settings)
        => ComponentUnderTest.StartAsync<INameResolver>(
            "nameresolution.sqlite",
            ComponentUnderTest.Merge(
                new Dictionary<string, string> { ["connectionString"] = Database },
                settings.Select(s => new KeyValuePair<string, string>(s.Name, s.Value))),
            time: time,
            logger: logger);

    private void Insert(string id, string address, string appId, string @namespace, int age)
        => Execute($"INSERT INTO hosts VALUES ('{id}', '{address}', '{appId}', '{@namespace}', unixepoch() - {age})");

    private void Execute(string sql) => Rows(sql);

    private string[] Rows(string sql)
    {
        using SqliteConnection connection = new(new SqliteConnectionStringBuilder { DataSource = Database, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Of this file only.
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        List<string> rows = [];
        while (reader.Read())
        {
            rows.Add(reader.GetString(0));
        }

        return [.. rows];
    }
}
