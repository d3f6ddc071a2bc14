using System.Globalization;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.PostgreSql;
using DaprK8s.Components.Sql;
using Npgsql;
using NpgsqlTypes;

namespace DaprK8s.Components.State.PostgreSql;

/// <summary>
/// State in a PostgreSQL table, <c>state.postgresql</c> v1 and v2 (contract: components 3.9, 3.10). Both versions read and
/// write the tables of Dapr's; how they differ is in their <see cref="StateTable"/>.
/// </summary>
internal sealed class PostgresStateStore : ITransactionalStateStore, IKeyListingStateStore, IExpiredRows
{
    private static readonly TimeSpan DefaultCleanupInterval = TimeSpan.FromHours(1);

    private static readonly MetadataField<string> TableName = Field.Text(
        "tableName", "Table of the items, with its schema and a dot before it if it has one.", "state");

    private static readonly MetadataField<string> TablePrefix = Field.Text(
        "tablePrefix", "What stands before the table's name \"state\": a schema and a dot, the beginning of the name, or both.");

    private static readonly MetadataField<string> MetadataTableName = Field.Text(
        "metadataTableName", "Table that notes the level of the schema and the last cleanup.", "dapr_metadata");

    private static readonly MetadataField<TimeSpan?> CleanupInterval = Field.OptionalDuration(
        "cleanupInterval", "Time between two removals of expired rows, one hour unless given; zero or less turns them off.", "cleanupIntervalInSeconds");

    private readonly Func<ComponentMetadata, StateTable> readTable;
    private StateTable table = null!;
    private PostgresDatabase? database;
    private PostgresMetadataTable metadataTable = null!;
    private ExpiredRowCleanup? cleanup;

    private PostgresStateStore(Func<ComponentMetadata, StateTable> readTable) => this.readTable = readTable;

    /// <inheritdoc/>
    public StateFeatures Features => StateFeatures.ETag | StateFeatures.Transactional | StateFeatures.Ttl | StateFeatures.KeyListing;

    private PostgresDatabase Database => database ?? throw new InvalidOperationException("the state store is not initialised");

    /// <summary>Version 1: JSON values in a jsonb column.</summary>
    public static ProviderDescriptor DescribeV1() => new(
        "State in a PostgreSQL table with JSON values.",
        [.. PostgresProfile.Fields, TableName, MetadataTableName, CleanupInterval],
        static () => new PostgresStateStore(static m => new StateTableV1(PostgresIdentifier.Check(NonEmpty(m, TableName), TableName))));

    /// <summary>Version 2: values as bytes.</summary>
    public static ProviderDescriptor DescribeV2() => new(
        "State in a PostgreSQL table with values as bytes.",
        [.. PostgresProfile.Fields, TablePrefix, MetadataTableName, CleanupInterval],
        static () => new PostgresStateStore(static m =>
        {
            var prefix = m.Get(TablePrefix);
            PostgresIdentifier.Check(prefix + "state", TablePrefix);
            return new StateTableV2(prefix);
        }));

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        table = readTable(context.Metadata);
        var metadataName = PostgresIdentifier.Check(NonEmpty(context.Metadata, MetadataTableName), MetadataTableName);
        var interval = context.Metadata.Get(CleanupInterval) ?? DefaultCleanupInterval;
        database = new PostgresDatabase(PostgresProfile.CreateDataSource(context.Metadata), context.Time);
        await database.ConnectAsync(cancellationToken);

        metadataTable = new PostgresMetadataTable(metadataName, database.Source, context.Time, context.Logger, context.LogName);
        await metadataTable.MigrateAsync(table.LevelKey, table.Migrations, cancellationToken);
        cleanup = ExpiredRowCleanup.Start(this, interval, context.Time, context.Logger);
    }

    /// <inheritdoc/>
    public ValueTask<StateItem> GetAsync(StateGet request, CancellationToken cancellationToken)
    {
        RequireKey(request.Key, "get");
        return Database.RunAsync(
            Repeat.Anytime,
            (table, request.Key),
            static async (command, r, ct) =>
            {
                command.CommandText = r.table.Get;
                StateTable.BindKey(command.Parameters, r.Key);
                await using var reader = await command.ExecuteReaderAsync(ct);
                return await reader.ReadAsync(ct) ? r.table.Read(reader) : default;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(
        IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
    {
        if (requests.Count == 0)
        {
            return [];
        }

        var keys = new string[requests.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            RequireKey(requests[i].Key, "get");
            keys[i] = requests[i].Key;
        }

        var found = await Database.RunAsync(Repeat.Anytime, (table, keys), ReadManyAsync, cancellationToken);
        return Array.ConvertAll(keys, key => new BulkGetEntry(key, found.GetValueOrDefault(key), null));
    }

    /// <inheritdoc/>
    public ValueTask SetAsync(StateSet request, CancellationToken cancellationToken) => WriteAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DeleteAsync(StateDelete request, CancellationToken cancellationToken) => WriteAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask TransactAsync(
        IReadOnlyList<StateOperation> operations, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        => operations switch
        {
            [] => ValueTask.CompletedTask,
            [StateSet or StateDelete] => WriteAsync(operations[0], cancellationToken),
            _ => Database.TransactAsync(
                new StateTransaction(table, operations),
                static (batch, transaction) => transaction.Fill(batch),
                static (batch, transaction) => transaction.Check(batch),
                cancellationToken),
        };

    /// <inheritdoc/>
    public async ValueTask<KeyPage> ListKeysAsync(string prefix, int pageSize, string? continuation, CancellationToken cancellationToken)
    {
        if (prefix.Length == 0)
        {
            throw new ArgumentException("a prefix is required to list keys");
        }

        var after = long.MinValue;
        if (!string.IsNullOrEmpty(continuation)
            && !long.TryParse(continuation, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out after))
        {
            throw new ArgumentException("invalid continue token: not a number");
        }

        return await Database.RunAsync(
            Repeat.Anytime,
            new KeyQuery(table.ListKeys, StartsWith(prefix), after, pageSize),
            static (command, query, ct) => query.RunAsync(command, ct),
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> ClaimCleanupAsync(TimeSpan age, CancellationToken cancellationToken)
        => metadataTable.ClaimCleanupAsync(table.CleanupKey, age, cancellationToken);

    /// <inheritdoc/>
    public async Task<long> DeleteExpiredAsync(CancellationToken cancellationToken)
        => await Database.RunAsync(
            Repeat.Anytime,
            table.DeleteExpired,
            static async (command, sql, ct) =>
            {
                command.CommandText = sql;
                command.CommandTimeout = 0; // The job has a limit of its own.
                return await command.ExecuteNonQueryAsync(ct);
            },
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref cleanup, null) is { } job)
        {
            await job.DisposeAsync();
        }

        if (database is not null)
        {
            await database.DisposeAsync();
        }
    }

    private static string NonEmpty(ComponentMetadata metadata, MetadataField<string> field)
        => metadata.Get(field) is { Length: > 0 } text ? text : field.Default;

    private static string StartsWith(string prefix)
        => prefix.Replace(@"\", @"\\", StringComparison.Ordinal)
            .Replace("%", @"\%", StringComparison.Ordinal)
            .Replace("_", @"\_", StringComparison.Ordinal) + "%";

    private static async ValueTask<Dictionary<string, StateItem>> ReadManyAsync(
        NpgsqlCommand command, (StateTable Table, string[] Keys) request, CancellationToken cancellationToken)
    {
        command.CommandText = request.Table.GetMany;
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = request.Keys, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        var items = new Dictionary<string, StateItem>(request.Keys.Length, StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var keyColumn = reader.FieldCount - 1;
        while (await reader.ReadAsync(cancellationToken))
        {
            items[reader.GetString(keyColumn)] = request.Table.Read(reader);
        }

        return items;
    }

    private async ValueTask WriteAsync(StateOperation operation, CancellationToken cancellationToken)
    {
        var rows = await Database.RunAsync(
            StateTransaction.IsConditional(operation) ? Repeat.UnlessRun : Repeat.Anytime,
            (table, operation),
            static async (command, r, ct) =>
            {
                command.CommandText = StateTransaction.Bind(r.table, r.operation, command.Parameters);
                return await command.ExecuteNonQueryAsync(ct);
            },
            cancellationToken);
        StateTransaction.CheckRows(operation, rows);
    }

    private static void RequireKey(string key, string operation)
    {
        if (key.Length == 0)
        {
            throw new ArgumentException($"missing key in {operation} operation");
        }
    }

    private readonly record struct KeyQuery(string Sql, string Pattern, long After, int PageSize)
    {
        public async ValueTask<KeyPage> RunAsync(NpgsqlCommand command, CancellationToken cancellationToken)
        {
            command.CommandText = Sql;
            StateTable.BindKey(command.Parameters, Pattern);
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = After });

            // One row more than asked tells whether there is a next page.
            command.Parameters.Add(PageSize > 0
                ? new NpgsqlParameter<long> { TypedValue = PageSize + 1L }
                : new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint });
            List<string> keys = [];
            long last = 0;
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                if (PageSize > 0 && keys.Count == PageSize)
                {
                    return new KeyPage(keys, last.ToString(CultureInfo.InvariantCulture));
                }

                keys.Add(reader.GetString(0));
                last = reader.GetInt64(1);
            }

            return new KeyPage(keys, null);
        }
    }
}
