using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>
/// The table of state items as one connection sees it: every statement, compiled when first needed (contract: components 3.12).
/// An item is live while its <c>expiration_time</c> is NULL or in the future.
/// </summary>
internal sealed class StateTable(SqliteDatabase database, StateTableNames names, TimeProvider time) : IDisposable
{
    private const string Columns = "(key, value, is_binary, etag, expiration_time, update_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    private const string Assignments = "value = ?2, is_binary = ?3, etag = ?4, expiration_time = ?5, update_time = ?6";
    private const string TimeFormat = "yyyy-MM-dd HH:mm:ss";
    private const int TimeLength = 19;
    private const int ETagLength = 36;
    private SqliteStatement? begin;
    private SqliteStatement? beginRead;
    private SqliteStatement? commit;
    private SqliteStatement? savepoint;
    private SqliteStatement? release;
    private SqliteStatement? get;
    private SqliteStatement? list;
    private SqliteStatement? set;
    private SqliteStatement? setFirst;
    private SqliteStatement? setMatching;
    private SqliteStatement? delete;
    private SqliteStatement? deleteMatching;
    private SqliteStatement? findLive;

    /// <summary>Whether a transaction is open; some errors end one.</summary>
    public bool InTransaction => database.InTransaction;

    /// <summary>Begins a transaction that may write.</summary>
    public void Begin() => (begin ??= database.Prepare("BEGIN IMMEDIATE")).Run();

    /// <summary>Makes a transaction last.</summary>
    public void Commit() => (commit ??= database.Prepare("COMMIT")).Run();

    /// <summary>Undoes a transaction, if one is open.</summary>
    public void RollBack()
    {
        if (database.InTransaction)
        {
            database.Execute("ROLLBACK");
        }
    }

    /// <summary>Reads an item.</summary>
    public StateItem Get(string key)
    {
        get ??= database.Prepare($"SELECT value, is_binary, etag, expiration_time FROM {names.Items} WHERE key = ?1 AND {Live("?2")}");
        Span<byte> now = stackalloc byte[TimeLength];
        WriteTime(time.GetUtcNow(), now);
        if (!get.Bind(1, key).Bind(2, now).Step())
        {
            return default;
        }

        try
        {
            return new StateItem(ReadValue(get), get.Text(2)) { Expires = get.IsNull(3) ? null : ReadTime(get.Text(3)) };
        }
        finally
        {
            get.Reset();
        }
    }

    /// <summary>Reads several items of one moment.</summary>
    public BulkGetEntry[] Get(IReadOnlyList<StateGet> requests)
    {
        var entries = new BulkGetEntry[requests.Count];
        (beginRead ??= database.Prepare("BEGIN")).Run();
        try
        {
            for (var i = 0; i < entries.Length; i++)
            {
                entries[i] = new BulkGetEntry(requests[i].Key, Get(requests[i].Key), null);
            }
        }
        finally
        {
            Commit();
        }

        return entries;
    }

    /// <summary>Lists live keys in the order of their bytes.</summary>
    /// <param name="prefix">What the keys start with.</param>
    /// <param name="limit">The most keys.</param>
    /// <param name="after">The key to go on after.</param>
    public KeyPage List(string prefix, int limit, string? after)
    {
        // Keys of one prefix are neighbours in the primary key's order, so the first one without it ends the list.
        list ??= database.Prepare($"SELECT key FROM {names.Items} WHERE key >= ?1 AND {Live("?2")} ORDER BY key");
        Span<byte> now = stackalloc byte[TimeLength];
        WriteTime(time.GetUtcNow(), now);
        list.Bind(1, after ?? prefix).Bind(2, now);
        List<string> keys = [];
        try
        {
            while (list.Step() && list.Text(0) is var key && key.StartsWith(prefix, StringComparison.Ordinal))
            {
                if (keys.Count == limit)
                {
                    return new KeyPage(keys, keys[^1]);
                }

                if (key != after)
                {
                    keys.Add(key);
                }
            }
        }
        finally
        {
            list.Reset();
        }

        return new KeyPage(keys, null);
    }

    /// <summary>Applies operations inside an open transaction: all, or on an error none.</summary>
    /// <exception cref="ETagMismatchException">An item is another than expected.</exception>
    public void Apply(IReadOnlyList<StateOperation> operations)
    {
        if (operations.Count == 1)
        {
            Apply(operations[0]);
            return;
        }

        (savepoint ??= database.Prepare("SAVEPOINT operations")).Run();
        release ??= database.Prepare("RELEASE operations");
        try
        {
            foreach (var operation in operations)
            {
                Apply(operation);
            }

            release.Run();
        }
        catch
        {
            // An error such as a full disk has undone the whole transaction, and with it the savepoint.
            if (database.InTransaction)
            {
                database.Execute("ROLLBACK TO operations");
                release.Run();
            }

            throw;
        }
    }

    /// <summary>Notes that a cleanup begins now, unless the last one is younger than <paramref name="age"/>.</summary>
    public bool ClaimCleanup(TimeSpan age)
    {
        using var claim = database.Prepare(
            $"INSERT INTO {names.Metadata} (key, value) VALUES ('last-cleanup', ?1) "
            + "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <= ?2");
        var now = time.GetUtcNow();
        return claim.Bind(1, FormatTime(now)).Bind(2, FormatTime(now - age)).Run() > 0;
    }

    /// <summary>Deletes the expired rows among the next <paramref name="count"/> ones.</summary>
    /// <param name="after">The row to go on after.</param>
    /// <param name="count">How many rows to look at.</param>
    /// <returns>How many were deleted, and the row to go on after or <see langword="null"/> at the end.</returns>
    public (long Deleted, long? Next) DeleteExpired(long after, int count)
    {
        using var find = database.Prepare($"SELECT rowid FROM {names.Items} WHERE rowid > ?1 ORDER BY rowid LIMIT 1 OFFSET ?2");
        long? last = find.Bind(1, after).Bind(2, count - 1).Step() ? find.Number(0) : null;
        find.Reset();
        using var sweep = database.Prepare(
            $"DELETE FROM {names.Items} WHERE rowid > ?1 AND rowid <= ?2 AND expiration_time IS NOT NULL AND expiration_time <= ?3");
        return (sweep.Bind(1, after).Bind(2, last ?? long.MaxValue).Bind(3, FormatTime(time.GetUtcNow())).Run(), last);
    }

    /// <inheritdoc/>
    public void Dispose() => database.Dispose();

    private static string Live(string now) => $"(expiration_time IS NULL OR expiration_time > {now})";

    private static string FormatTime(DateTimeOffset moment) => moment.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static void WriteTime(DateTimeOffset moment, Span<byte> text)
        => moment.UtcDateTime.TryFormat(text, out _, TimeFormat, CultureInfo.InvariantCulture);

    private static DateTimeOffset? ReadTime(string text)
        => DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment) ? moment : null;

    private static byte[] ReadValue(SqliteStatement row)
    {
        var text = row.Utf8(0);
        if (row.Number(1) == 0)
        {
            return text.ToArray();
        }

        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        return Base64.DecodeFromUtf8(text, bytes, out _, out var length) == OperationStatus.Done
            ? length == bytes.Length ? bytes : bytes[..length]
            : throw new FormatException("the stored value is marked as binary but is no base64 text");
    }

    private void Apply(StateOperation operation)
    {
        switch (operation)
        {
            case StateSet write:
                Set(write);
                break;
            case StateDelete { HasETag: false }:
                (delete ??= database.Prepare($"DELETE FROM {names.Items} WHERE key = ?1")).Bind(1, operation.Key).Run();
                break;
            case StateDelete:
                DeleteMatching(operation);
                break;
            case StateAssert:
                Assert(operation);
                break;
        }
    }

    private void Set(StateSet write)
    {
        var now = time.GetUtcNow();
        Span<byte> nowText = stackalloc byte[TimeLength];
        WriteTime(now, nowText);
        Span<byte> etag = stackalloc byte[ETagLength];
        Guid.NewGuid().TryFormat(etag, out _);

        var statement = SetStatement(write);
        statement.Bind(1, write.Key).Bind(4, etag).Bind(6, nowText);
        BindValue(statement, write.Value);
        if (StateTtl.Read(write.Metadata) is > 0 and var seconds)
        {
            // Rounded up to the column's whole seconds, so that nothing expires before its time.
            Span<byte> expiry = stackalloc byte[TimeLength];
            WriteTime(now.AddSeconds(seconds).AddTicks(TimeSpan.TicksPerSecond - 1), expiry);
            statement.Bind(5, expiry);
        }
        else
        {
            statement.BindNull(5);
        }

        if (write.HasETag)
        {
            statement.Bind(7, write.ETag!);
        }

        if (statement.Run() == 0)
        {
            throw new ETagMismatchException();
        }
    }

    private SqliteStatement SetStatement(StateSet write)
    {
        if (write.HasETag)
        {
            return setMatching ??= database.Prepare($"UPDATE {names.Items} SET {Assignments} WHERE key = ?1 AND etag = ?7 AND {Live("?6")}");
        }

        var upsert = $"INSERT INTO {names.Items} {Columns} ON CONFLICT (key) DO UPDATE SET {Assignments}";
        return write.Concurrency == StateConcurrency.FirstWrite
            ? setFirst ??= database.Prepare($"{upsert} WHERE NOT {Live("?6")}")
            : set ??= database.Prepare(upsert);
    }

    private void DeleteMatching(StateOperation operation)
    {
        deleteMatching ??= database.Prepare($"DELETE FROM {names.Items} WHERE key = ?1 AND etag = ?2 AND {Live("?3")}");
        Span<byte> now = stackalloc byte[TimeLength];
        WriteTime(time.GetUtcNow(), now);
        if (deleteMatching.Bind(1, operation.Key).Bind(2, operation.ETag!).Bind(3, now).Run() == 0)
        {
            throw new ETagMismatchException();
        }
    }

    private void Assert(StateOperation operation)
    {
        findLive ??= database.Prepare($"SELECT etag FROM {names.Items} WHERE key = ?1 AND {Live("?2")}");
        Span<byte> now = stackalloc byte[TimeLength];
        WriteTime(time.GetUtcNow(), now);
        var etag = findLive.Bind(1, operation.Key).Bind(2, now).Step() ? findLive.Text(0) : null;
        findLive.Reset();
        if (etag != (operation.HasETag ? operation.ETag : null))
        {
            throw new ETagMismatchException();
        }
    }

    private static void BindValue(SqliteStatement statement, StateValue value)
    {
        var bytes = value.Bytes.Span;
        statement.Bind(3, value.IsJson ? 0 : 1);
        if (value.IsJson)
        {
            statement.Bind(2, bytes);
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        Base64.EncodeToUtf8(bytes, buffer, out _, out var length);
        statement.Bind(2, buffer.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(buffer);
    }
}

/// <summary>The names of the tables, checked, ready for SQL.</summary>
/// <param name="Items">The table of items.</param>
/// <param name="Metadata">The table of migration level and last cleanup.</param>
internal sealed record StateTableNames(string Items, string Metadata);
