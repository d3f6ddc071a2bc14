using System.Buffers.Text;
using System.Globalization;
using System.Text;
using DaprK8s.Components.PostgreSql;
using Npgsql;
using NpgsqlTypes;

namespace DaprK8s.Components.State.PostgreSql;

/// <summary>
/// The table of <c>state.postgresql</c> v1 (contract: components 3.9): values are jsonb, bytes among them a JSON string of
/// their base64; the ETag is the row's system column <c>xmin</c>.
/// </summary>
internal sealed class StateTableV1(string name) : StateTable(name)
{
    private const string Columns = "value, isbinary, xmin, expiredate";

    private const string Assignments =
        "value = excluded.value, isbinary = excluded.isbinary, updatedate = now(), expiredate = excluded.expiredate";

    private static readonly byte[] JsonNull = "null"u8.ToArray();

    /// <inheritdoc/>
    public override string LevelKey => "migrations";

    /// <inheritdoc/>
    public override string CleanupKey => "last-cleanup";

    /// <inheritdoc/>
    public override IReadOnlyList<Migration> Migrations => [CreateAsync, AddExpiryAsync, NumberRowsAsync];

    /// <inheritdoc/>
    public override string Get => field ??= $"SELECT {Columns} FROM {Name} WHERE key = $1 AND {Live}";

    /// <inheritdoc/>
    public override string GetMany => field ??= $"SELECT {Columns}, key FROM {Name} WHERE key = ANY($1) AND {Live}";

    /// <inheritdoc/>
    public override string Upsert => field ??= $"{Insert} ON CONFLICT (key) DO UPDATE SET {Assignments}";

    /// <inheritdoc/>
    public override string InsertNew => field ??= $"{Insert} ON CONFLICT (key) DO UPDATE SET {Assignments} WHERE t.expiredate < now()";

    /// <inheritdoc/>
    public override string UpdateMatching => field ??=
        $"""
        UPDATE {Name} SET value = $2, isbinary = $3, updatedate = now(), expiredate = now() + $4 * interval '1 second'
        WHERE key = $1 AND xmin = $5 AND {Live}
        """;

    /// <inheritdoc/>
    public override string DeleteMatching => field ??= $"{Delete} AND xmin = $2";

    /// <inheritdoc/>
    public override string LockMatching => field ??= $"SELECT 1 FROM {Name} WHERE key = $1 AND xmin = $2 AND {Live} FOR UPDATE";

    /// <inheritdoc/>
    public override string Reserve => field ??=
        $"""
        INSERT INTO {Name} AS t (key, value, isbinary) VALUES ($1, 'null', false)
        ON CONFLICT (key) DO UPDATE SET updatedate = now() WHERE t.expiredate < now()
        """;

    /// <inheritdoc/>
    protected override string Expiry => "expiredate";

    private string Insert =>
        $"INSERT INTO {Name} AS t (key, value, isbinary, expiredate) VALUES ($1, $2, $3, now() + $4 * interval '1 second')";

    /// <inheritdoc/>
    public override void BindWrite(NpgsqlParameterCollection parameters, StateSet request)
    {
        BindKey(parameters, request.Key);
        parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = Encode(request.Value), NpgsqlDbType = NpgsqlDbType.Jsonb });
        parameters.Add(new NpgsqlParameter<bool> { TypedValue = !request.Value.IsJson, NpgsqlDbType = NpgsqlDbType.Boolean });
        BindTtl(parameters, request);
    }

    /// <inheritdoc/>
    public override void BindETag(NpgsqlParameterCollection parameters, string etag)
    {
        if (!uint.TryParse(etag, NumberStyles.None, CultureInfo.InvariantCulture, out var xmin))
        {
            throw new InvalidETagException("not a 32-bit unsigned number");
        }

        parameters.Add(new NpgsqlParameter<uint> { TypedValue = xmin, NpgsqlDbType = NpgsqlDbType.Xid });
    }

    /// <inheritdoc/>
    public override StateItem Read(NpgsqlDataReader reader)
    {
        var value = reader.GetFieldValue<byte[]>(0);
        return new StateItem(
            reader.GetBoolean(1) ? DecodeBytes(value) : value,
            reader.GetFieldValue<uint>(2).ToString(CultureInfo.InvariantCulture))
        {
            Expires = ReadExpiry(reader, 3),
        };
    }

    private static ReadOnlyMemory<byte> Encode(StateValue value)
    {
        if (value.IsJson)
        {
            // A JSON column holds no nothing.
            return value.Bytes.IsEmpty ? JsonNull : value.Bytes;
        }

        var text = new byte[Base64.GetMaxEncodedToUtf8Length(value.Bytes.Length) + 2];
        text[0] = (byte)'"';
        Base64.EncodeToUtf8(value.Bytes.Span, text.AsSpan(1), out _, out var written);
        text[written + 1] = (byte)'"';
        return text.AsMemory(0, written + 2);
    }

    // The JSON string that jsonb holds has no escapes, as no character of base64 asks for one.
    private static ReadOnlyMemory<byte> DecodeBytes(byte[] json)
    {
        if (json is not [(byte)'"', .., (byte)'"'])
        {
            throw new InvalidDataException("a row marked as binary does not hold a base64 string");
        }

        var text = json.AsSpan(1, json.Length - 2);
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        return Base64.DecodeFromUtf8(text, bytes, out _, out var written) == System.Buffers.OperationStatus.Done
            ? bytes.AsMemory(0, written)
            : throw new InvalidDataException("a row marked as binary does not hold a base64 string");
    }

    private Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
        => ExecuteAsync(
            connection,
            $"""
            CREATE TABLE IF NOT EXISTS {Name} (
              key text NOT NULL PRIMARY KEY,
              value jsonb NOT NULL,
              isbinary boolean NOT NULL,
              insertdate timestamptz NOT NULL DEFAULT now(),
              updatedate timestamptz NULL
            )
            """,
            cancellationToken);

    private Task AddExpiryAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
        => ExecuteAsync(connection, $"ALTER TABLE {Name} ADD COLUMN IF NOT EXISTS expiredate timestamptz NULL", cancellationToken);

    private Task NumberRowsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
        => AddRowIdAsync("insertdate", connection, cancellationToken);
}
