namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>From any older schema to the newest, whoever else starts at the same time.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresMigrationTests(PostgresFixture fixture) : PostgresStateTests
{
    private const string Metadata = "CREATE TABLE dapr_metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL);";

    private const string V1Level1 =
        """
        CREATE TABLE state (
          key text NOT NULL PRIMARY KEY, value jsonb NOT NULL, isbinary boolean NOT NULL,
          insertdate TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(), updatedate TIMESTAMP WITH TIME ZONE NULL);
        INSERT INTO state (key, value, isbinary, insertdate) VALUES
          ('app||young', '1', false, '2024-01-03'), ('app||old', '"AQI="', true, '2024-01-01'), ('app||b', '3', false, '2024-01-02'), ('app||a', '4', false, '2024-01-02');
        """;

    private const string V2Level1 =
        """
        CREATE TABLE state (
          key text NOT NULL PRIMARY KEY, value bytea NOT NULL, etag uuid NOT NULL DEFAULT gen_random_uuid(),
          created_at timestamp with time zone NOT NULL DEFAULT now(), updated_at timestamp with time zone, expires_at timestamp with time zone);
        CREATE INDEX ON state (expires_at);
        INSERT INTO state (key, value, created_at) VALUES
          ('app||young', '1', '2024-01-03'), ('app||old', '\x0102', '2024-01-01'), ('app||b', '3', '2024-01-02'), ('app||a', '4', '2024-01-02');
        """;

    private static string Note(string key, string level) => $"INSERT INTO dapr_metadata (key, value) VALUES ('{key}', '{level}');";

    [Theory]
    [InlineData("v1", Metadata + V1Level1 + "INSERT INTO dapr_metadata VALUES ('migrations', '1');")]
    [InlineData("v1", Metadata + V1Level1 + "ALTER TABLE state ADD expiredate TIMESTAMP WITH TIME ZONE; INSERT INTO dapr_metadata VALUES ('migrations', '2');")]
    [InlineData("v1", V1Level1)]
    [InlineData("v1", Metadata + V1Level1 + "ALTER TABLE state ADD expiredate timestamptz; ALTER TABLE state ADD row_id bigint; INSERT INTO dapr_metadata VALUES ('migrations', '2');")]
    [InlineData("v2", Metadata + V2Level1 + "INSERT INTO dapr_metadata VALUES ('migrations-state-v2-', '1');")]
    [InlineData("v2", V2Level1)]
    public async Task A_table_of_an_older_level_is_brought_to_the_newest(string version, string before)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await database.ExecuteAsync(before);

        await using var store = await database.StartStoreAsync(version);

        Assert.Equal(["app||old|1", "app||a|2", "app||b|3", "app||young|4"], await database.RowsAsync("SELECT key, row_id FROM state ORDER BY row_id"));
        Assert.Equal([1, 2], (await GetAsync(store, "app||old")).Value.ToArray());
        await store.SetAsync(SetOf("app||new", "5", ttl: 100), Cancel);
        Assert.Equal(["app||old", "app||a", "app||b", "app||young", "app||new"], await KeysAsync(store, "app||"));
        Assert.Equal(
            version == "v1" ? ["lock|lock", "migrations|3"] : ["lock|lock", "migrations-state-v2-|2"],
            await database.RowsAsync("SELECT key, value FROM dapr_metadata ORDER BY key"));
        Assert.Equal(version == "v1" ? 2 : 3, await database.ScalarAsync<long>("SELECT count(*) FROM pg_indexes WHERE tablename = 'state'"));
    }

    [Fact]
    public async Task Rows_that_have_numbers_keep_them()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await database.ExecuteAsync(Metadata + V1Level1 + Note("migrations", "2") +
            "ALTER TABLE state ADD expiredate timestamptz; ALTER TABLE state ADD row_id bigint; UPDATE state SET row_id = 70 WHERE key = 'app||young';");

        await using var store = await database.StartStoreAsync();

        Assert.Equal(["app||young|70", "app||old|71", "app||a|72", "app||b|73"], await database.RowsAsync("SELECT key, row_id FROM state ORDER BY row_id"));
        await store.SetAsync(SetOf("app||new", "5"), Cancel);
        Assert.Equal(74, await database.ScalarAsync<long>("SELECT row_id FROM state WHERE key = 'app||new'"));
    }

    [Theory]
    [InlineData("v1", "migrations")]
    [InlineData("v2", "migrations-state-v2-")]
    public async Task A_level_higher_than_known_is_left_alone(string version, string key)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await (await database.StartStoreAsync(version)).DisposeAsync();
        await database.ExecuteAsync($"UPDATE dapr_metadata SET value = '9' WHERE key = '{key}'");

        await using var store = await database.StartStoreAsync(version);

        await store.SetAsync(SetOf("k", "1"), Cancel);
        Assert.Equal("9", await database.ScalarAsync<string>($"SELECT value FROM dapr_metadata WHERE key = '{key}'"));
    }

    [Theory]
    [InlineData("three")]
    [InlineData("-1")]
    [InlineData("")]
    public async Task A_level_that_is_no_number_is_an_error(string level)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await database.ExecuteAsync(Metadata + Note("migrations", level));

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => database.StartStoreAsync());

        Assert.Equal($"invalid migration level found in metadata table: {level}", error.Message);
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task Several_instances_that_start_at_once_all_succeed(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();

        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => database.StartStoreAsync(version))));

        for (var i = 0; i < stores.Length; i++)
        {
            await stores[i].SetAsync(SetOf($"k{i}", $"{i}"), Cancel);
        }

        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"k{i}"), await KeysAsync(stores[0], "k"));
        Assert.Equal(["1|6"], await database.RowsAsync("SELECT min(row_id), max(row_id) FROM state"));
        foreach (var store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task Several_instances_that_start_at_once_migrate_old_rows_once()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await database.ExecuteAsync(Metadata + V1Level1 + Note("migrations", "1"));

        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => database.StartStoreAsync())));

        Assert.Equal(["app||old|1", "app||a|2", "app||b|3", "app||young|4"], await database.RowsAsync("SELECT key, row_id FROM state ORDER BY row_id"));
        foreach (var store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_migration_waits_for_the_lock_of_another_sidecar()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await database.ExecuteAsync(Metadata + Note("lock", "lock"));
        await using var other = await database.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync(Cancel);
        await using (var take = other.CreateCommand())
        {
            take.CommandText = "SELECT value FROM dapr_metadata WHERE key = 'lock' FOR UPDATE";
            await take.ExecuteScalarAsync(Cancel);
        }

        var starting = database.StartStoreAsync();
        await Support.Eventually.TrueAsync(
            async () => await database.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") == 1,
            "the store waits for the lock row");
        Assert.False(starting.IsCompleted);
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM pg_class WHERE relname = 'state'"));
        await transaction.RollbackAsync(Cancel);

        await using var store = await starting;
        await store.SetAsync(SetOf("k", "1"), Cancel);
    }

    [Fact]
    public async Task A_failed_migration_leaves_nothing_half_done()
    {
        await using var database = await fixture.NewDatabaseAsync();

        // A column row_id of another type cannot become an identity.
        await database.ExecuteAsync(Metadata + V1Level1 + Note("migrations", "2") + "ALTER TABLE state ADD expiredate timestamptz; ALTER TABLE state ADD row_id text;");
        await Assert.ThrowsAnyAsync<Exception>(() => database.StartStoreAsync());
        Assert.Equal("2", await database.ScalarAsync<string>("SELECT value FROM dapr_metadata WHERE key = 'migrations'"));
        await database.ExecuteAsync("ALTER TABLE state DROP row_id");

        await using var store = await database.StartStoreAsync();

        Assert.Equal(["app||old", "app||a", "app||b", "app||young"], await KeysAsync(store, "app||"));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task A_user_who_may_only_read_and_write_can_use_a_schema_that_is_there(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await (await database.StartStoreAsync(version)).DisposeAsync();
        var user = $"plain_{database.Name}";
        await database.ExecuteAsync(
            $"CREATE ROLE {user} LOGIN PASSWORD 'pw'; GRANT SELECT, INSERT, UPDATE, DELETE ON state TO {user}; GRANT SELECT ON dapr_metadata TO {user};");

        await using var store = await database.StartStoreAsync(version, new Dictionary<string, string> { ["user"] = user, ["password"] = "pw" });

        await store.SetAsync(SetOf("k", "1"), Cancel);
        Assert.Equal("1", await TextAsync(store, "k"));
    }

    [Fact]
    public async Task Tables_may_have_names_and_schemas_of_their_own()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await database.ExecuteAsync("CREATE SCHEMA apps; CREATE SCHEMA notes");
        Dictionary<string, string> v1 = new() { ["tableName"] = "apps.Orders", ["metadataTableName"] = "notes.meta" };
        Dictionary<string, string> quoted = new() { ["tableName"] = "apps.\"My Orders\"", ["metadataTableName"] = "notes.meta2" };
        Dictionary<string, string> v2 = new() { ["tablePrefix"] = "apps.", ["metadataTableName"] = "notes.meta" };
        Dictionary<string, string> v2Prefix = new() { ["tablePrefix"] = "apps.shop_", ["metadataTableName"] = "notes.meta" };
        IStateStore[] stores =
        [
            await database.StartStoreAsync("v1", v1), await database.StartStoreAsync("v1", quoted),
            await database.StartStoreAsync("v2", v2), await database.StartStoreAsync("v2", v2Prefix),
        ];

        foreach (var (store, i) in stores.Select((s, i) => (s, i)))
        {
            await store.SetAsync(SetOf("k", $"{i}"), Cancel);
        }

        foreach (var (store, i) in stores.Select((s, i) => (s, i)))
        {
            Assert.Equal($"{i}", await TextAsync(store, "k"));
            Assert.Equal(["k"], await KeysAsync(store, "k"));
            await store.DisposeAsync();
        }

        Assert.Equal(
            ["apps|My Orders", "apps|orders", "apps|shop_state", "apps|state", "notes|meta", "notes|meta2"],
            await database.RowsAsync("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('apps', 'notes', 'public') ORDER BY 1, 2"));
        Assert.Equal(
            ["lock|lock", "migrations|3", "migrations-state-v2-apps.|2", "migrations-state-v2-apps.shop_|2"],
            await database.RowsAsync("SELECT key, value FROM notes.meta ORDER BY key COLLATE \"C\""));
    }
}
