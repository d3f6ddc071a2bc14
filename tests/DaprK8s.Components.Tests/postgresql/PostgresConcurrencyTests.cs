using System.Globalization;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>Many at once: nothing is lost, nobody waits for ever.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresConcurrencyTests(PostgresFixture fixture) : PostgresStateTests
{
    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task A_hundred_transactions_on_one_key_lose_nothing(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var first = await database.StartStoreAsync(version);
        await using var second = await database.StartStoreAsync(version, new Dictionary<string, string> { ["maxConns"] = "12" });
        await first.SetAsync(SetOf("counter", "0"), Cancel);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            var store = i % 2 == 0 ? first : second;
            while (true)
            {
                var item = await GetAsync(store, "counter");
                var count = int.Parse(item.Value.Span, CultureInfo.InvariantCulture);
                try
                {
                    await TransactAsync(
                        store, SetOf($"trace||{i}", $"{count}"), new StateAssert("counter") { ETag = item.ETag }, SetOf("counter", $"{count + 1}", item.ETag));
                    return;
                }
                catch (ETagMismatchException)
                {
                    continue;
                }
            }
        })));

        Assert.Equal("100", await TextAsync(first, "counter"));
        Assert.Equal(
            Enumerable.Range(0, 100).Select(i => $"{i}"),
            await database.RowsAsync(version == "v1"
                ? "SELECT value FROM state WHERE key LIKE 'trace%' ORDER BY value::text::int"
                : "SELECT convert_from(value, 'UTF8') FROM state WHERE key LIKE 'trace%' ORDER BY convert_from(value, 'UTF8')::int"));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task A_hundred_unconditional_transactions_on_one_key_are_all_applied(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => TransactAsync(store, SetOf("shared", $"{i}"), SetOf($"own||{i}", "1"))));

        Assert.Equal(100, (await KeysAsync(store, "own||")).Count);
        Assert.InRange(int.Parse(await TextAsync(store, "shared"), CultureInfo.InvariantCulture), 0, 99);
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task Transactions_that_take_the_same_keys_in_opposite_order_do_not_block_each_other(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version, new Dictionary<string, string> { ["maxConns"] = "16" });
        string[] keys = [.. Enumerable.Range(0, 8).Select(i => $"k{i}")];

        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(
            () => TransactAsync(store, [.. (i % 2 == 0 ? keys : keys.Reverse()).Select(k => SetOf(k, $"{i}"))]))));

        var values = await Task.WhenAll(keys.Select(k => TextAsync(store, k)));
        Assert.Single(values.Distinct());
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"));
    }

    [Fact]
    public async Task A_transaction_that_the_server_gives_up_for_a_deadlock_is_run_again()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync();
        await store.SetAsync(SetOf("a", "1"), Cancel);
        await store.SetAsync(SetOf("b", "1"), Cancel);

        // Another client takes the same rows the other way round. It looks for deadlocks only much later, so the store's side is given up.
        await using var other = await database.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync(Cancel);
        await ExecuteAsync("SET LOCAL deadlock_timeout = '1h'");
        await ExecuteAsync("UPDATE state SET value = '9' WHERE key = 'b'");
        var writing = TransactAsync(store, SetOf("a", "2"), SetOf("b", "2"));
        await WaitForLockWaitersAsync(database, 1);
        await ExecuteAsync("UPDATE state SET value = '9' WHERE key = 'a'");
        await transaction.CommitAsync(Cancel);
        await writing;

        Assert.Equal("2", await TextAsync(store, "a"));
        Assert.Equal("2", await TextAsync(store, "b"));

        async Task ExecuteAsync(string sql)
        {
            await using var command = other.CreateCommand();
            command.CommandText = sql;
            await command.ExecuteNonQueryAsync(Cancel);
        }
    }

    [Theory]
    [InlineData("v1", "'1', false", "value, isbinary", true)]
    [InlineData("v1", "'1', false", "value, isbinary", false)]
    [InlineData("v2", "'1'", "value", true)]
    [InlineData("v2", "'1'", "value", false)]
    public async Task An_assertion_that_a_key_is_missing_waits_for_an_insert_under_way(string version, string values, string columns, bool commits)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version);
        await using var other = await database.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync(Cancel);
        await using (var insert = other.CreateCommand())
        {
            insert.CommandText = $"INSERT INTO state (key, {columns}) VALUES ('fence', {values})";
            await insert.ExecuteNonQueryAsync(Cancel);
        }

        var writing = TransactAsync(store, new StateAssert("fence"), SetOf("a", "1"));
        await WaitForLockWaitersAsync(database, 1);
        Assert.False(writing.IsCompleted);
        if (commits)
        {
            await transaction.CommitAsync(Cancel);
            await Assert.ThrowsAsync<ETagMismatchException>(() => writing);
            Assert.Equal("", await TextAsync(store, "a"));
            return;
        }

        await transaction.RollbackAsync(Cancel);
        await writing;
        Assert.Equal("1", await TextAsync(store, "a"));
        Assert.Equal("", await TextAsync(store, "fence"));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task Of_many_transactions_that_assert_a_key_missing_and_write_it_exactly_one_wins(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version, new Dictionary<string, string> { ["maxConns"] = "16" });

        for (var round = 0; round < 10; round++)
        {
            var key = $"lease{round}";
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run<Exception?>(async () =>
                await Record.ExceptionAsync(() => TransactAsync(store, new StateAssert(key), SetOf(key, $"{i}"), SetOf($"trace{round}||{i}", "1"))))));

            var winner = Assert.Single(Enumerable.Range(0, 16), i => outcomes[i] is null);
            Assert.All(outcomes.Where(e => e is not null), e => Assert.IsType<ETagMismatchException>(e));
            Assert.Equal($"{winner}", await TextAsync(store, key));
            Assert.Equal([$"trace{round}||{winner}"], await KeysAsync(store, $"trace{round}||"));
        }
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task An_asserted_item_cannot_change_before_the_transaction_ends(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version);
        await store.SetAsync(SetOf("fence", "1"), Cancel);
        await store.SetAsync(SetOf("row", "1"), Cancel);
        var etag = (await GetAsync(store, "fence")).ETag;
        await using var other = await database.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync(Cancel);
        await using (var hold = other.CreateCommand())
        {
            hold.CommandText = "SELECT 1 FROM state WHERE key = 'row' FOR UPDATE";
            await hold.ExecuteScalarAsync(Cancel);
        }

        var fenced = TransactAsync(store, new StateAssert("fence") { ETag = etag }, SetOf("row", "2"));
        await WaitForLockWaitersAsync(database, 1);
        var moving = store.SetAsync(SetOf("fence", "2"), Cancel).AsTask();
        await WaitForLockWaitersAsync(database, 2);
        await transaction.RollbackAsync(Cancel);

        await fenced;
        await moving;
        Assert.Equal("2", await TextAsync(store, "row"));
        Assert.Equal("2", await TextAsync(store, "fence"));
    }

    [Fact]
    public async Task A_cancelled_call_ends_also_in_the_server()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync();
        await store.SetAsync(SetOf("k", "1"), Cancel);
        await using var other = await database.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync(Cancel);
        await using (var update = other.CreateCommand())
        {
            update.CommandText = "UPDATE state SET value = '2'";
            await update.ExecuteNonQueryAsync(Cancel);
        }

        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var writing = store.SetAsync(SetOf("k", "3"), giveUp.Token).AsTask();
        await WaitForLockWaitersAsync(database, 1);
        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing);
        await WaitForLockWaitersAsync(database, 0);
        await transaction.CommitAsync(Cancel);
        Assert.Equal("2", await TextAsync(store, "k"));
    }

    [Fact]
    public async Task A_call_ends_when_its_timeout_is_over()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v1", new Dictionary<string, string> { ["timeout"] = "1s" });
        await store.SetAsync(SetOf("k", "1"), Cancel);
        await using var other = await database.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync(Cancel);
        await using (var update = other.CreateCommand())
        {
            update.CommandText = "UPDATE state SET value = '2'";
            await update.ExecuteNonQueryAsync(Cancel);
        }

        var error = await Assert.ThrowsAnyAsync<Exception>(async () => await store.SetAsync(SetOf("k", "3"), Cancel));

        Assert.Contains("timeout", error.ToString(), StringComparison.OrdinalIgnoreCase);
        await transaction.CommitAsync(Cancel);
        Assert.Equal("2", await TextAsync(store, "k"));
    }

    private static Task WaitForLockWaitersAsync(PostgresTestDatabase database, int count)
        => Eventually.TrueAsync(
            async () => await database.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") == count,
            $"{count} sessions wait for a lock");
}
