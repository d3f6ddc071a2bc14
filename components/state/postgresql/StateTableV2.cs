using DaprK8s.Components.PostgreSql;
using Npgsql;
using NpgsqlTypes;

namespace DaprK8s.Components.State.PostgreSql;

/// <summary>
/// The table of <c>state.postgresql</c> v2 (contract: components 3.10): values are bytes, the ETag is a UUID that every write
/// draws anew.
/// </summary>
/// <param name="prefix">What stands before <c>state</c>: nothing, a schema and a dot, the beginning of the name, or both.</param>
internal sealed class StateTableV2(string prefix) : StateTable(prefix + "state")
{
    private const string Columns = "value, etag, expires_at";

    private const string Assignments =
        "value = excluded.value, etag = gen_random_uuid(), updated_at = now(), expires_at = excluded.expires_at";

    /// <inheritdoc/>
    public override string LevelKey { get; } = "migrations-state-v2-" + prefix;

    /// <inheritdoc/>
    public override string CleanupKey { get; } = "last-cleanup-state-v2-" + prefix;

    /// <inheritdoc/>
    public override IReadOnlyList<Migration> Migrations => [CreateAsync, NumberRowsAsync];

    /// <inheritdoc/>
    public override string Get => field ??= $"SELECT {Columns} FROM {Name} WHERE key = $1 AND {Live}";

    /// <inheritdoc/>
    public override string GetMany => field ??= $"SELECT {Columns}, key FROM {Name} WHERE key = ANY($1) AND {Live}";

    /// <inheritdoc/>
    public override string Upsert => field ??= $"{Insert} ON CONFLICT (key) DO UPDATE SET {Assignments}";

    /// <inheritdoc/>
    public override string InsertNew => field ??= $"{Insert} ON CONFLICT (key) DO UPDATE SET {Assignments} WHERE t.expires_at < now()";

    /// <inheritdoc/>
    public override string UpdateMatching => field ??=
        $"""
        UPDATE {Name} SET value = $2, etag = gen_random_uuid(), updated_at = now(), expires_at = now() + $3 * interval '1 second'
        WHERE key = $1 AND etag = $4 AND {Live}
        """;

    /// <inheritdoc/>
    public override string DeleteMatching => field ??= $"{Delete} AND etag = $2";

    /// <inheritdoc/>
    public override string LockMatching => field ??= $"SELECT 1 FROM {Name} WHERE key = $1 AND etag = $2 AND {Live} FOR UPDATE";

    /// <inheritdoc/>
    public override string Reserve => field ??=
        $"""
        INSERT INTO {Name} AS t (key, value) VALUES ($1, '')
        ON CONFLICT (key) DO UPDATE SET updated_at = now() WHERE t.expires_at < now()
        """;

    /// <inheritdoc/>
    protected override string Expiry => "expires_at";

    private string Insert =>
        $"INSERT INTO {Name} AS t (key, value, etag, expires_at) VALUES ($1, $2, gen_random_uuid(), now() + $3 * interval '1 second')";

    /// <inheritdoc/>
    public override void BindWrite(NpgsqlParameterCollection parameters, StateSet request)
    {
        BindKey(parameters, request.Key);
        parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = request.Value.Bytes, NpgsqlDbType = NpgsqlDbType.Bytea });
        BindTtl(parameters, request);
    }

    /// <inheritdoc/>
    public override void BindETag(NpgsqlParameterCollection parameters, string etag)
    {
        if (!Guid.TryParse(etag, out var uuid))
        {
            throw new ETagMismatchException();
        }

        parameters.Add(new NpgsqlParameter<Guid> { TypedValue = uuid, NpgsqlDbType = NpgsqlDbType.Uuid });
    }

    /// <inheritdoc/>
    public override StateItem Read(NpgsqlDataReader reader)
        => new(reader.GetFieldValue<byte[]>(0), reader.GetGuid(1).ToString()) { Expires = ReadExpiry(reader, 2) };

    private async Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await ExecuteAsync(
            connection,
            $"""
            CREATE TABLE IF NOT EXISTS {Name} (
              key text NOT NULL PRIMARY KEY,
              value bytea NOT NULL,
              etag uuid NOT NULL DEFAULT gen_random_uuid(),
              created_at timestamptz NOT NULL DEFAULT now(),
              updated_at timestamptz NULL,
              expires_at timestamptz NULL
            )
            """,
            cancellationToken);
        await AddIndexAsync("INDEX", "expires_at_idx", "expires_at", connection, cancellationToken);
    }

    private Task NumberRowsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
        => AddRowIdAsync("created_at", connection, cancellationToken);
}
