using DaprK8s.Components.PostgreSql;
using Npgsql;
using NpgsqlTypes;

namespace DaprK8s.Components.State.PostgreSql;

/// <summary>
/// The layout of a state table: its statements, and how values and ETags are bound and read. One class a version of the
/// component; whatever the two have in common is in <see cref="PostgresStateStore"/>.
/// </summary>
/// <param name="name">The table's name, checked, with its schema if it has one.</param>
internal abstract class StateTable(string name)
{
    /// <summary>The table's name.</summary>
    public string Name => name;

    /// <summary>The metadata row that notes the schema's level.</summary>
    public abstract string LevelKey { get; }

    /// <summary>The metadata row that notes the last cleanup.</summary>
    public abstract string CleanupKey { get; }

    /// <summary>The changes that lead to the newest level.</summary>
    public abstract IReadOnlyList<Migration> Migrations { get; }

    /// <summary>Reads a live row; parameters: key.</summary>
    public abstract string Get { get; }

    /// <summary>Reads live rows, the key as the last column; parameters: keys.</summary>
    public abstract string GetMany { get; }

    /// <summary>Inserts or overwrites; parameters: those of <see cref="BindWrite"/>.</summary>
    public abstract string Upsert { get; }

    /// <summary>Inserts, or overwrites an expired row; parameters as of <see cref="Upsert"/>.</summary>
    public abstract string InsertNew { get; }

    /// <summary>Overwrites a live row of an ETag; parameters as of <see cref="Upsert"/>, then the ETag.</summary>
    public abstract string UpdateMatching { get; }

    /// <summary>Deletes a row of an ETag; parameters: key, ETag.</summary>
    public abstract string DeleteMatching { get; }

    /// <summary>Locks a live row of an ETag until the transaction ends; parameters: key, ETag.</summary>
    public abstract string LockMatching { get; }

    /// <summary>
    /// Inserts a row that only holds its key against inserts of others until the transaction ends, or takes an expired one for
    /// that; parameters: key.
    /// </summary>
    public abstract string Reserve { get; }

    /// <summary>The column of the time at which a row expires.</summary>
    protected abstract string Expiry { get; }

    /// <summary>Deletes a row; parameters: key.</summary>
    public string Delete => field ??= $"DELETE FROM {Name} WHERE key = $1";

    /// <summary>Deletes all expired rows.</summary>
    public string DeleteExpired => field ??= $"DELETE FROM {Name} WHERE {Expiry} < now()";

    /// <summary>Lists live keys and their row numbers; parameters: LIKE pattern, last row number of the page before, most rows or null.</summary>
    public string ListKeys => field ??=
        $"SELECT key, row_id FROM {Name} WHERE key LIKE $1 AND row_id > $2 AND {Live} ORDER BY row_id LIMIT $3";

    /// <summary>The condition of a row that has not expired.</summary>
    protected string Live => field ??= $"({Expiry} IS NULL OR {Expiry} >= now())";

    /// <summary>Adds key, value (one or more parameters) and seconds to live of a write.</summary>
    public abstract void BindWrite(NpgsqlParameterCollection parameters, StateSet request);

    /// <summary>Adds an ETag.</summary>
    /// <exception cref="InvalidETagException">It is of no form that this table issues.</exception>
    /// <exception cref="ETagMismatchException">It can't be the ETag of any row.</exception>
    public abstract void BindETag(NpgsqlParameterCollection parameters, string etag);

    /// <summary>Reads the row of <see cref="Get"/> or <see cref="GetMany"/>.</summary>
    public abstract StateItem Read(NpgsqlDataReader reader);

    /// <summary>Adds a key.</summary>
    public static void BindKey(NpgsqlParameterCollection parameters, string key)
        => parameters.Add(new NpgsqlParameter<string> { TypedValue = key, NpgsqlDbType = NpgsqlDbType.Text });

    /// <summary>Adds the seconds to live, null for a row that does not expire.</summary>
    protected static void BindTtl(NpgsqlParameterCollection parameters, StateSet request)
        => parameters.Add(StateTtl.Read(request.Metadata) is > 0 and var seconds
            ? new NpgsqlParameter<double> { TypedValue = seconds, NpgsqlDbType = NpgsqlDbType.Double }
            : new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Double });

    /// <summary>Reads the time at which a row expires.</summary>
    protected static DateTimeOffset? ReadExpiry(NpgsqlDataReader reader, int column)
        => reader.IsDBNull(column) ? null : new DateTimeOffset(reader.GetFieldValue<DateTime>(column));

    /// <summary>
    /// The level that numbers the rows, for listing keys page by page: rows that are there get numbers by age, new ones by a sequence.
    /// </summary>
    protected async Task AddRowIdAsync(string createdColumn, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, $"ALTER TABLE {Name} ADD COLUMN IF NOT EXISTS row_id bigint", cancellationToken);
        await ExecuteAsync(
            connection,
            $"""
            UPDATE {Name} AS t SET row_id = numbered.row_id
            FROM (SELECT key, row_number() OVER (ORDER BY {createdColumn}, key) + (SELECT coalesce(max(row_id), 0) FROM {Name}) AS row_id
                  FROM {Name} WHERE row_id IS NULL) AS numbered
            WHERE t.key = numbered.key
            """,
            cancellationToken);
        await ExecuteAsync(connection, $"ALTER TABLE {Name} ALTER COLUMN row_id SET NOT NULL", cancellationToken);
        if (!await HasIdentityAsync(connection, cancellationToken))
        {
            await ExecuteAsync(connection, $"ALTER TABLE {Name} ALTER COLUMN row_id ADD GENERATED BY DEFAULT AS IDENTITY", cancellationToken);
        }

        await using (var align = new NpgsqlCommand(
            $"SELECT setval(pg_get_serial_sequence($1, 'row_id'), (SELECT coalesce(max(row_id), 0) + 1 FROM {Name}), false)", connection))
        {
            BindKey(align.Parameters, Name);
            await align.ExecuteNonQueryAsync(cancellationToken);
        }

        await AddIndexAsync("UNIQUE INDEX", "row_id_uidx", "row_id", connection, cancellationToken);
    }

    /// <summary>Makes an index named for the table unless there is one of that name.</summary>
    protected async Task AddIndexAsync(string kind, string suffix, string column, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var bareName = await PostgresIdentifier.BareNameAsync(connection, Name, cancellationToken)
            ?? throw new InvalidOperationException($"failed to create state table: '{Name}' is not there");
        var index = PostgresIdentifier.Quote($"{bareName}_{suffix}");
        await ExecuteAsync(connection, $"CREATE {kind} IF NOT EXISTS {index} ON {Name} ({column})", cancellationToken);
    }

    /// <summary>Runs a statement of a migration, however long it takes.</summary>
    protected static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<bool> HasIdentityAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "SELECT attidentity <> '' FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'row_id' AND NOT attisdropped", connection);
        BindKey(command.Parameters, Name);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }
}
