using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using Npgsql;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>One PostgreSQL server for the tests that leave it running.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private int databases;

    /// <summary>The server.</summary>
    public PostgresServer Server { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Server = await PostgresServer.StartAsync();
        Shared = await NewDatabaseAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Shared.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>A database for tests that keep to keys of their own.</summary>
    public PostgresTestDatabase Shared { get; private set; } = null!;

    /// <summary>Creates an empty database.</summary>
    public async Task<PostgresTestDatabase> NewDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref databases)}";
        await using var connection = new NpgsqlConnection(Server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return new PostgresTestDatabase(Server, name);
    }
}

/// <summary>The classes that share the server of <see cref="PostgresFixture"/>.</summary>
[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresFixture>
{
    public const string Name = "postgres";
}

/// <summary>A database, as a component is told of it and as the test itself looks into it.</summary>
public sealed class PostgresTestDatabase(PostgresServer server, string name) : IAsyncDisposable
{
    // Without a pool, so that a server that was restarted does not fail the test's own queries.
    private readonly NpgsqlDataSource source = NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name, Pooling = false });

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>The connection string in libpq's keyword form.</summary>
    public string Keywords
        => $"host={server.Host} port={server.Port} user={server.User} password={server.Password} dbname={name} sslmode=disable";

    /// <summary>Makes and initialises a store.</summary>
    public async Task<IStateStore> StartStoreAsync(
        string version = "v1", IEnumerable<KeyValuePair<string, string>>? metadata = null, TimeProvider? time = null, RecordingLogger? logger = null)
        => await ComponentUnderTest.StartAsync<IStateStore>(
            "state.postgresql",
            ComponentUnderTest.Merge(new Dictionary<string, string> { ["connectionString"] = Keywords }, metadata),
            version,
            time,
            logger);

    /// <summary>Runs SQL as the superuser.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The only value of a query.</summary>
    public async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken) is T value ? value : default;
    }

    /// <summary>The rows of a query, each as its values joined by bars.</summary>
    public async Task<string[]> RowsAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        List<string> rows = [];
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : $"{reader.GetValue(i)}")));
        }

        return [.. rows];
    }

    /// <summary>Opens a session, for what must stay within one.</summary>
    public async Task<NpgsqlConnection> OpenAsync() => await source.OpenConnectionAsync(TestContext.Current.CancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => source.DisposeAsync();
}
