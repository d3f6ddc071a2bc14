using System.Text;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.State;

/// <summary>Several stores and processes on one SQLite file: starting, locks, the cleanup job.</summary>
public sealed class SqliteSharingTests : IAsyncDisposable
{
    private const string FileVariable = "SQLITE_SHARING_FILE";
    private readonly TemporaryFile file = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => file.DisposeAsync();

    [Fact]
    public async Task A_new_file_is_set_up_and_written()
    {
        // Also run, by the next test, in processes of its own on a file that they share.
        var path = Environment.GetEnvironmentVariable(FileVariable) ?? file.Path;
        await using var store = await StartAsync(path);

        await store.SetAsync(SetOf($"process-{Environment.ProcessId}", "1"), Cancel);

        Assert.False((await store.GetAsync(new StateGet($"process-{Environment.ProcessId}"), Cancel)).Value.IsEmpty);
    }

    [Fact]
    public async Task Three_processes_that_start_on_a_new_file_at_once_all_succeed()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "DaprK8s.Components.Tests");
        var environment = new Dictionary<string, string> { [FileVariable] = file.Path };

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => ChildProcess.RunAsync(
            program,
            ["-method", $"{typeof(SqliteSharingTests).FullName}.{nameof(A_new_file_is_set_up_and_written)}"],
            environment,
            directory: AppContext.BaseDirectory)));

        Assert.Equal("3", SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single());
        Assert.Equal("migrations|1", SqliteFile.Rows(file.Path, "SELECT key, value FROM metadata").Single());
    }

    [Fact]
    public async Task Many_stores_that_start_on_a_new_file_at_once_all_succeed()
    {
        var stores = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => StartAsync(file.Path))));

        await Task.WhenAll(stores.Select((s, i) => Task.Run(async () =>
        {
            for (var n = 0; n < 50; n++)
            {
                await s.SetAsync(SetOf($"{i}-{n}", "1"), Cancel);
            }
        })));

        Assert.Equal("400", SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single());
        await Task.WhenAll(stores.Select(s => s.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_start_waits_for_another_process_that_holds_the_file()
    {
        using var other = SqliteFile.Open(file.Path);
        SqliteFile.Run(other, "BEGIN EXCLUSIVE");
        var start = StartAsync(file.Path, ("busyTimeout", "1ms"));
        await Task.WhenAny(start, Task.Delay(300, Cancel));
        Assert.False(start.IsCompleted, "the store started on a file that another held");

        SqliteFile.Run(other, "COMMIT");

        await using var store = await start;
        await store.SetAsync(SetOf("a", "1"), Cancel);
    }

    [Fact]
    public async Task A_write_waits_for_another_process_that_writes()
    {
        await using var store = await StartAsync(file.Path, ("busyTimeout", "1m"));
        using var other = SqliteFile.Open(file.Path);
        SqliteFile.Run(other, "BEGIN IMMEDIATE");
        var write = store.SetAsync(SetOf("a", "1"), Cancel).AsTask();

        // Reading goes on meanwhile.
        Assert.True((await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty);
        Assert.False(write.IsCompleted);
        SqliteFile.Run(other, "COMMIT");

        await write;
        Assert.False((await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty);
    }

    [Fact]
    public async Task A_write_that_waited_too_long_fails_and_the_next_one_works()
    {
        await using var store = await StartAsync(file.Path, ("busyTimeout", "20ms"));
        using var other = SqliteFile.Open(file.Path);
        SqliteFile.Run(other, "BEGIN IMMEDIATE");

        var error = await Assert.ThrowsAsync<SqliteException>(async () => await store.SetAsync(SetOf("a", "1"), Cancel));

        Assert.Contains("locked", error.Message, StringComparison.Ordinal);
        SqliteFile.Run(other, "ROLLBACK");
        await store.SetAsync(SetOf("b", "1"), Cancel);
        Assert.True((await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty);
    }

    [Fact]
    public async Task A_write_cancelled_before_its_turn_is_not_done()
    {
        await using var store = await StartAsync(file.Path, ("busyTimeout", "1m"));
        using var other = SqliteFile.Open(file.Path);
        SqliteFile.Run(other, "BEGIN IMMEDIATE");
        var first = store.SetAsync(SetOf("a", "1"), Cancel).AsTask();
        using var cancel = new CancellationTokenSource();

        // The first write is at SQLite, waiting for the lock, by the time that a read went through the same connection pool twice.
        await Eventually.TrueAsync(async () => (await store.GetAsync(new StateGet("a"), Cancel)).Value.IsEmpty, "reads work");
        var second = store.SetAsync(SetOf("b", "1"), cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        SqliteFile.Run(other, "COMMIT");
        await first;
        await store.SetAsync(SetOf("c", "1"), Cancel);

        Assert.True((await store.GetAsync(new StateGet("b"), Cancel)).Value.IsEmpty, "a write that nobody waited for was done");
    }

    [Fact]
    public async Task Closing_finishes_the_writes_that_were_handed_over()
    {
        var store = await StartAsync(file.Path);
        var writes = Enumerable.Range(0, 2000).Select(i => store.SetAsync(SetOf($"k{i}", "1"), Cancel).AsTask()).ToArray();

        await store.DisposeAsync();

        await Task.WhenAll(writes);
        Assert.Equal("2000", SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single());
    }

    [Fact]
    public async Task Expired_rows_are_deleted_once_an_interval()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var store = await StartAsync(file.Path, clock, new RecordingLogger(), ("cleanupInterval", "1h"));
        await store.BulkSetAsync([.. Enumerable.Range(0, 12_000).Select(i => SetOf($"k{i}", "1", i % 2 == 0 ? "60" : i % 3 == 0 ? "86400" : null))], Cancel);

        clock.Advance(TimeSpan.FromHours(1));

        await Eventually.TrueAsync(
            () => SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single() == "6000", "the expired half of the rows is deleted");
        Assert.Equal("2030-01-01 01:00:00", SqliteFile.Rows(file.Path, "SELECT value FROM metadata WHERE key = 'last-cleanup'").Single());
    }

    [Fact]
    public async Task Rows_are_left_alone_when_another_instance_has_just_cleaned_up()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var logger = new RecordingLogger();
        await using var store = await StartAsync(file.Path, clock, logger, ("cleanupIntervalInSeconds", "3600"));
        await store.SetAsync(SetOf("a", "1", "60"), Cancel);
        SqliteFile.Run(file.Path, "INSERT INTO metadata VALUES ('last-cleanup', '2030-01-01 00:30:00')");

        clock.Advance(TimeSpan.FromHours(1));
        await Eventually.TrueAsync(
            () => logger.Lines.Any(l => l.Text.Contains("another instance", StringComparison.Ordinal)), "the job finds that it has nothing to do");
        Assert.Equal("1", SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single());

        clock.Advance(TimeSpan.FromHours(1));
        await Eventually.TrueAsync(() => SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single() == "0", "the row is deleted an interval later");
    }

    [Fact]
    public async Task A_failing_cleanup_is_logged_and_tried_again()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var logger = new RecordingLogger();
        await using var store = await StartAsync(file.Path, clock, logger, ("cleanupInterval", "1h"), ("busyTimeout", "1ms"));
        await store.SetAsync(SetOf("a", "1", "60"), Cancel);
        using (var other = SqliteFile.Open(file.Path))
        {
            SqliteFile.Run(other, "BEGIN IMMEDIATE");
            clock.Advance(TimeSpan.FromHours(1));
            await Eventually.TrueAsync(
                () => logger.Lines.Any(l => l.Level == LogLevel.Error && l.Text.StartsWith("Error removing expired data: ", StringComparison.Ordinal)),
                "the failure is logged");
            SqliteFile.Run(other, "ROLLBACK");
        }

        clock.Advance(TimeSpan.FromHours(1));

        await Eventually.TrueAsync(() => SqliteFile.Rows(file.Path, "SELECT count(*) FROM state").Single() == "0", "the next run deletes the row");
    }

    private static StateSet SetOf(string key, string json, string? ttl = null)
        => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true))
        {
            Metadata = ttl is null ? EmptyMetadata.Instance : new Dictionary<string, string> { [StateTtl.Key] = ttl },
        };

    private static Task<IStateStore> StartAsync(string path, params (string Name, string Value)[] metadata)
        => StartAsync(path, TimeProvider.System, new RecordingLogger(), metadata);

    private static Task<IStateStore> StartAsync(string path, TimeProvider time, ILogger logger, params (string Name, string Value)[] metadata)
        => ComponentUnderTest.StartAsync<IStateStore>(
            "state.sqlite",
            [new("connectionString", path), .. metadata.Select(m => KeyValuePair.Create(m.Name, m.Value))],
            time: time,
            logger: logger);
}
