using System.Globalization;
using System.Text;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.State;

/// <summary>The tables, seen with plain SQL: a database moves between Dapr and this in either direction.</summary>
public sealed class SqliteLayoutTests : IAsyncDisposable
{
    private readonly TemporaryFile file = new();
    private readonly FakeTimeProvider clock = new(new DateTimeOffset(2030, 1, 2, 3, 4, 5, 600, TimeSpan.Zero));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Fact]
    public async Task The_table_has_the_columns_of_the_contract()
    {
        await using (await StartAsync())
        {
        }

        Assert.Equal(
            [
                "key TEXT notnull=1 default= pk=1", "value TEXT notnull=1 default= pk=0", "is_binary BOOLEAN notnull=1 default= pk=0",
                "etag TEXT notnull=1 default= pk=0", "expiration_time TIMESTAMP notnull=0 default=NULL pk=0",
                "update_time TIMESTAMP notnull=1 default=CURRENT_TIMESTAMP pk=0",
            ],
            Columns("state"));
        Assert.Equal(["key TEXT notnull=1 default= pk=1", "value TEXT notnull=1 default= pk=0"], Columns("metadata"));
        Assert.Equal("migrations|1", SqliteFile.Rows(file.Path, "SELECT key, value FROM metadata").Single());
    }

    [Fact]
    public async Task JSON_is_stored_as_its_text_and_bytes_as_base64()
    {
        await using (var store = await StartAsync())
        {
            await store.SetAsync(new StateSet("json", new StateValue("{\"a\":\"it's 100%\"}"u8.ToArray(), IsJson: true)), Cancel);
            await store.SetAsync(new StateSet("bytes", new StateValue(new byte[] { 0, 1, 254, 255 }, IsJson: false)), Cancel);
            await store.SetAsync(new StateSet("empty", new StateValue(default, IsJson: false)), Cancel);
            await store.SetAsync(new StateSet("empty-text", new StateValue(default, IsJson: true)), Cancel);
        }

        Assert.Equal(
            ["bytes|AAH+/w==|1|text", "empty||1|text", "empty-text||0|text", "json|{\"a\":\"it's 100%\"}|0|text"],
            SqliteFile.Rows(file.Path, "SELECT key, value, is_binary, typeof(value) FROM state ORDER BY key"));
    }

    [Fact]
    public async Task Times_are_UTC_in_whole_seconds_and_no_item_expires_early()
    {
        await using var store = await StartAsync();
        await store.SetAsync(SetOf("a", "1", ttl: "10"), Cancel);
        await store.SetAsync(SetOf("b", "1"), Cancel);

        Assert.Equal(
            ["a|2030-01-02 03:04:16|2030-01-02 03:04:05", "b||2030-01-02 03:04:05"],
            SqliteFile.Rows(file.Path, "SELECT key, expiration_time, update_time FROM state ORDER BY key"));
        clock.Advance(TimeSpan.FromSeconds(10.3));
        Assert.False((await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty, "10.3 s after a write with a TTL of 10 s, in the second of its end");
        clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True((await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty, "the item outlived its TTL");
    }

    [Fact]
    public async Task An_ETag_is_a_new_UUID_for_each_write_and_stored_as_it_is_shown()
    {
        await using var store = await StartAsync();
        await store.SetAsync(SetOf("a", "1"), Cancel);
        var first = SqliteFile.Rows(file.Path, "SELECT etag FROM state").Single();
        await store.SetAsync(SetOf("a", "1"), Cancel);
        var second = SqliteFile.Rows(file.Path, "SELECT etag FROM state").Single();

        Assert.True(Guid.TryParseExact(first, "D", out _), $"{first} is no UUID");
        Assert.NotEqual(first, second);
        Assert.Equal(second, (await store.GetAsync(new StateGet("a"), Cancel)).ETag);
    }

    [Fact]
    public async Task A_database_that_Dapr_wrote_is_read_and_written_on()
    {
        SqliteFile.Run(file.Path, """
            CREATE TABLE metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL);
            CREATE TABLE state (
              key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL, etag TEXT NOT NULL,
              expiration_time TIMESTAMP DEFAULT NULL, update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
            INSERT INTO metadata VALUES ('migrations', '1'), ('last-cleanup', '2029-12-31 00:00:00');
            INSERT INTO state (key, value, is_binary, etag, expiration_time) VALUES
              ('app||json', '{"a":"\u003cb\u003e"}', 0, '0b1c', NULL),
              ('app||bytes', 'AAEC', 1, '1b1c', NULL),
              ('app||expiring', '1', 0, '2b1c', '2030-01-02 03:04:06'),
              ('app||expired', '1', 0, '3b1c', '2030-01-02 03:04:05');
            """);

        await using var store = await StartAsync();

        var json = await store.GetAsync(new StateGet("app||json"), Cancel);
        Assert.Equal("{\"a\":\"\\u003cb\\u003e\"}", Encoding.UTF8.GetString(json.Value.Span));
        Assert.Equal("0b1c", json.ETag);
        Assert.Equal([0, 1, 2], (await store.GetAsync(new StateGet("app||bytes"), Cancel)).Value.ToArray());
        var expiring = await store.GetAsync(new StateGet("app||expiring"), Cancel);
        Assert.Equal(new DateTimeOffset(2030, 1, 2, 3, 4, 6, TimeSpan.Zero), expiring.Expires);
        Assert.True((await store.GetAsync(new StateGet("app||expired"), Cancel)).Value.IsEmpty);
        var keys = await ((IKeyListingStateStore)store).ListKeysAsync("app||", 0, null, Cancel);
        Assert.Equal(["app||bytes", "app||expiring", "app||json"], keys.Keys);

        await store.SetAsync(SetOf("app||json", "2", etag: "0b1c"), Cancel);
        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.SetAsync(SetOf("app||expired", "2", etag: "3b1c"), Cancel));
        await store.SetAsync(SetOf("app||expired", "2") with { Concurrency = StateConcurrency.FirstWrite }, Cancel);

        Assert.Equal(["app||expired|2|0", "app||json|2|0"], SqliteFile.Rows(
            file.Path, "SELECT key, value, is_binary FROM state WHERE key IN ('app||json', 'app||expired') ORDER BY key"));
    }

    [Fact]
    public async Task A_value_marked_as_binary_that_is_no_base64_is_an_error_of_that_read_alone()
    {
        await using var store = await StartAsync();
        SqliteFile.Run(file.Path, "INSERT INTO state (key, value, is_binary, etag) VALUES ('bad', 'not base64!', 1, 'x'), ('good', '1', 0, 'y')");

        await Assert.ThrowsAsync<FormatException>(async () => await store.GetAsync(new StateGet("bad"), Cancel));

        Assert.Equal("1", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("good"), Cancel)).Value.Span));
    }

    [Fact]
    public async Task A_table_of_items_without_a_level_is_adopted()
    {
        SqliteFile.Run(file.Path, """
            CREATE TABLE state (
              key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL, etag TEXT NOT NULL,
              expiration_time TIMESTAMP DEFAULT NULL, update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
            INSERT INTO state (key, value, is_binary, etag) VALUES ('a', '7', 0, 'x');
            """);

        await using var store = await StartAsync();

        Assert.Equal("7", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("a"), Cancel)).Value.Span));
        Assert.Equal("migrations|1", SqliteFile.Rows(file.Path, "SELECT key, value FROM metadata").Single());
    }

    [Fact]
    public async Task A_level_from_the_future_is_left_alone()
    {
        await using (await StartAsync())
        {
        }

        SqliteFile.Run(file.Path, "UPDATE metadata SET value = '7' WHERE key = 'migrations'");

        await using (await StartAsync())
        {
        }

        Assert.Equal("7", SqliteFile.Rows(file.Path, "SELECT value FROM metadata").Single());
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("-1")]
    public async Task A_level_that_is_none_stops_the_store_from_starting(string level)
    {
        SqliteFile.Run(file.Path, $"CREATE TABLE metadata (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL); INSERT INTO metadata VALUES ('migrations', '{level}')");

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync());

        Assert.Equal($"invalid migration level found in metadata table: {level}", error.Message);
    }

    [Fact]
    public async Task Two_stores_can_share_a_file_under_table_names_of_their_own()
    {
        await using var first = await StartAsync(("tableName", "items_1"), ("metadataTableName", "about_1"));
        await using var second = await StartAsync(("tableName", "items_2"), ("metadataTableName", "about_2"));
        await first.SetAsync(SetOf("a", "1"), Cancel);
        await second.SetAsync(SetOf("a", "2"), Cancel);

        Assert.Equal("1", SqliteFile.Rows(file.Path, "SELECT value FROM items_1").Single());
        Assert.Equal("2", SqliteFile.Rows(file.Path, "SELECT value FROM items_2").Single());
        Assert.Equal(
            ["about_1", "about_2", "items_1", "items_2"], SqliteFile.Rows(file.Path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"));
    }

    private static StateSet SetOf(string key, string json, string? etag = null, string? ttl = null)
        => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true))
        {
            ETag = etag,
            Metadata = ttl is null ? EmptyMetadata.Instance : new Dictionary<string, string> { [StateTtl.Key] = ttl },
        };

    private Task<IStateStore> StartAsync(params (string Name, string Value)[] metadata)
        => ComponentUnderTest.StartAsync<IStateStore>(
            "state.sqlite", [new("connectionString", file.Path), .. metadata.Select(m => KeyValuePair.Create(m.Name, m.Value))], time: clock);

    private string[] Columns(string table)
        => SqliteFile.Rows(
            file.Path,
            $"SELECT name || ' ' || type || ' notnull=' || \"notnull\" || ' default=' || coalesce(dflt_value, '') || ' pk=' || pk FROM pragma_table_info('{table}')");
}
