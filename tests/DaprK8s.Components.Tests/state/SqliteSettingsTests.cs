using System.Text;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.State;

/// <summary>Connection strings and the other settings of SQLite, good and bad.</summary>
public sealed class SqliteSettingsTests : IAsyncDisposable
{
    private readonly TemporaryFile file = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Fact]
    public async Task Without_a_connection_string_it_does_not_start()
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync());

        Assert.Equal("connectionString", error.Field);
        Assert.Contains("missing connection string", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_connection_string_is_found_before_the_start()
    {
        Assert.True(ProviderCatalog.TryFind("state.sqlite3", "v1", out var entry));
        var fields = entry.Describe().Fields;

        Assert.Equal("connectionString", Assert.Single(new ComponentMetadata([]).Validate(fields)).Field);
        Assert.Empty(new ComponentMetadata([new("URL", "data.db")]).Validate(fields));
    }

    [Theory]
    [InlineData("busy_timeout(1000)", "busy_timeout")]
    [InlineData("journal_mode(DELETE)", "journal_mode")]
    [InlineData("foreign_keys=1", "foreign_keys")]
    [InlineData("Journal_Mode%3Doff", "journal_mode")]
    public async Task A_pragma_that_the_store_sets_itself_is_refused(string pragma, string name)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(("connectionString", $"{file.Path}?_pragma={pragma}")));

        Assert.Contains($"found forbidden option '_pragma={name}' in the connection string", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_pragma_is_run_and_a_wrong_one_is_an_error()
    {
        await using (await StartAsync(("connectionString", $"file:{file.Path}?_pragma=user_version(42)&_pragma=synchronous(NORMAL)")))
        {
        }

        Assert.Equal("42", SqliteFile.Rows(file.Path, "PRAGMA user_version").Single());
        await Assert.ThrowsAsync<SqliteException>(() => StartAsync(("connectionString", $"{file.Path}?_pragma=no such pragma(")));
    }

    [Theory]
    [InlineData("timeout", "500ms")]
    [InlineData("timeoutInSeconds", "0")]
    public async Task A_timeout_below_a_second_is_refused(string name, string value)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(("connectionString", file.Path), (name, value)));

        Assert.Equal("timeout", error.Field);
    }

    [Theory]
    [InlineData("tableName", "state; DROP TABLE x")]
    [InlineData("tableName", "main.state")]
    [InlineData("metadataTableName", "täble")]
    public async Task A_table_name_of_other_characters_is_refused(string field, string name)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(("connectionString", file.Path), (field, name)));

        Assert.Equal(field, error.Field);
        Assert.Contains($"invalid identifier: {name}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "wal")]
    [InlineData("disableWAL", "delete")]
    public async Task The_journal_is_a_write_ahead_log_unless_disabled(string option, string expected)
    {
        (string, string)[] options = option.Length == 0 ? [] : [(option, "true")];
        await using var store = await StartAsync([("url", "file:" + file.Path), .. options]);

        Assert.Equal(expected, SqliteFile.Rows(file.Path, "PRAGMA journal_mode").Single());
    }

    [Fact]
    public async Task Another_transaction_lock_than_immediate_is_warned_about()
    {
        var logger = new RecordingLogger();

        await using var store = await ComponentUnderTest.StartAsync<IStateStore>(
            "state.sqlite", [new("connectionString", $"file:{file.Path}?_txlock=deferred")], logger: logger);

        Assert.Contains(logger.Lines, l => l.Level == LogLevel.Warning && l.Text.Contains("_txlock", StringComparison.Ordinal));
        Assert.DoesNotContain(logger.Lines, l => l.Text.Contains(file.Path, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_read_only_database_is_read_and_its_file_stays_as_it_is()
    {
        await using (var writable = await StartAsync(("connectionString", file.Path), ("disableWAL", "true")))
        {
            await writable.SetAsync(SetOf("a", "1"), Cancel);
        }

        var before = await File.ReadAllBytesAsync(file.Path, Cancel);
        await using (var store = await StartAsync(("connectionString", $"file:{file.Path}?mode=ro")))
        {
            var read = await store.GetAsync(new StateGet("a"), Cancel);
            Assert.Equal("1", Encoding.UTF8.GetString(read.Value.Span));
            await Assert.ThrowsAsync<SqliteException>(async () => await store.SetAsync(SetOf("a", "2"), Cancel));
            await Assert.ThrowsAsync<SqliteException>(async () => await store.DeleteAsync(new StateDelete("a"), Cancel));
            Assert.Equal("1", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("a"), Cancel)).Value.Span));
        }

        var after = await File.ReadAllBytesAsync(file.Path, Cancel);
        Assert.True(after.AsSpan().SequenceEqual(before), "the file of a read-only store changed");
    }

    [Theory]
    [InlineData("mode=ro")]
    [InlineData("immutable=1")]
    public async Task A_read_only_database_that_kept_a_write_ahead_log_is_read(string option)
    {
        await using (var writable = await StartAsync(("connectionString", file.Path)))
        {
            await writable.SetAsync(SetOf("a", "1"), Cancel);
        }

        await using var store = await StartAsync(("connectionString", $"{file.Path}?{option}"));

        Assert.Equal("1", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("a"), Cancel)).Value.Span));
    }

    [Fact]
    public async Task A_read_only_database_without_tables_does_not_start()
    {
        SqliteFile.Run(file.Path, "CREATE TABLE other (x)");

        await Assert.ThrowsAsync<SqliteException>(() => StartAsync(("connectionString", $"{file.Path}?mode=ro")));
    }

    [Fact]
    public async Task A_file_that_cannot_be_opened_is_an_error_that_names_no_path()
    {
        var error = await Assert.ThrowsAsync<SqliteException>(() => StartAsync(("connectionString", file.Path + "/below/a/file")));

        Assert.DoesNotContain(file.Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_key_is_refused_in_the_words_of_the_contract()
    {
        await using var store = (ITransactionalStateStore)await StartAsync(("connectionString", ":memory:"));

        var get = await Assert.ThrowsAsync<ArgumentException>(async () => await store.GetAsync(new StateGet(""), Cancel));
        var set = await Assert.ThrowsAsync<ArgumentException>(async () => await store.SetAsync(SetOf("", "1"), Cancel));
        var delete = await Assert.ThrowsAsync<ArgumentException>(async () => await store.DeleteAsync(new StateDelete(""), Cancel));
        var inTransaction = await Assert.ThrowsAsync<ArgumentException>(
            async () => await store.TransactAsync([SetOf("a", "1"), SetOf("", "1")], EmptyMetadata.Instance, Cancel));

        Assert.Equal("missing key in get operation", get.Message);
        Assert.Equal("missing key in set option", set.Message);
        Assert.Equal("missing key in delete operation", delete.Message);
        Assert.Equal("missing key in set option", inTransaction.Message);
        Assert.True((await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty);
    }

    [Fact]
    public async Task A_closed_store_refuses_work()
    {
        var store = await StartAsync(("connectionString", file.Path));
        await store.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.SetAsync(SetOf("a", "1"), Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.GetAsync(new StateGet("a"), Cancel));
    }

    [Fact]
    public async Task Databases_in_memory_share_their_tables_and_end_with_the_last_of_them()
    {
        const string uri = "file:settings-test?mode=memory";
        var first = await StartAsync(("connectionString", uri));
        await using var second = await StartAsync(("connectionString", uri));

        // Both at once: connections that share a cache lock each other out for moments.
        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => Task.Run(async () =>
        {
            var store = i % 2 == 0 ? first : second;
            await store.SetAsync(SetOf($"k{i}", $"{i}"), Cancel);
            Assert.False((await store.GetAsync(new StateGet($"k{i}"), Cancel)).Value.IsEmpty);
        })));
        await first.DisposeAsync();

        var keys = await ((IKeyListingStateStore)second).ListKeysAsync("k", 0, null, Cancel);
        Assert.Equal(400, keys.Keys.Count);
        await second.DisposeAsync();
        await using var third = await StartAsync(("connectionString", uri));
        Assert.Empty((await ((IKeyListingStateStore)third).ListKeysAsync("k", 0, null, Cancel)).Keys);
    }

    [Fact]
    public async Task A_database_in_memory_waits_for_another_connection_that_writes_to_it()
    {
        const string uri = "file:settings-test-locked?mode=memory&cache=shared";
        await using var store = await StartAsync(("connectionString", uri), ("busyTimeout", "1m"));
        using var other = SqliteFile.Open(uri);
        SqliteFile.Run(other, "BEGIN IMMEDIATE; INSERT INTO state (key, value, is_binary, etag) VALUES ('a', '1', 0, 'x')");

        var read = store.GetAsync(new StateGet("a"), Cancel).AsTask();
        var write = store.SetAsync(SetOf("b", "2"), Cancel).AsTask();
        await Task.WhenAny(read, write, Task.Delay(200, Cancel));
        Assert.False(read.IsCompleted, "a read did not wait for the other connection");
        SqliteFile.Run(other, "COMMIT");

        Assert.Equal("1", Encoding.UTF8.GetString((await read).Value.Span));
        await write;
        Assert.Equal("2", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("b"), Cancel)).Value.Span));
    }

    private static StateSet SetOf(string key, string json) => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true));

    private static Task<IStateStore> StartAsync(params (string Name, string Value)[] metadata)
        => ComponentUnderTest.StartAsync<IStateStore>("state.sqlite", metadata.Select(m => KeyValuePair.Create(m.Name, m.Value)));
}
