using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>
/// One connection to a SQLite database, used by one thread at a time. It stands directly on SQLite's own interface, because
/// there values go in and out as UTF-8 bytes; ADO.NET would make a string of each.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    private static readonly Lazy<bool> Library = new(static () =>
    {
        Batteries_V2.Init();
        return true;
    });

    private readonly sqlite3 handle;
    private readonly List<SqliteStatement> statements = [];

    private SqliteDatabase(sqlite3 handle, TimeSpan busyTimeout)
    {
        this.handle = handle;
        BusyTimeout = busyTimeout;
    }

    /// <summary>How long a statement waits for a lock.</summary>
    public TimeSpan BusyTimeout { get; }

    /// <summary>Whether a transaction is open; some errors end one.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(handle) == 0;

    /// <summary>How many rows the last statement changed.</summary>
    public int Changes => raw.sqlite3_changes(handle);

    /// <summary>Opens a connection.</summary>
    /// <exception cref="SqliteException">The file cannot be opened.</exception>
    public static SqliteDatabase Open(SqliteSettings settings)
    {
        _ = Library.Value;
        const int flags = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE | raw.SQLITE_OPEN_URI | raw.SQLITE_OPEN_NOMUTEX;
        var code = raw.sqlite3_open_v2(settings.Uri, out var handle, flags, null);
        var database = new SqliteDatabase(handle, settings.BusyTimeout);
        try
        {
            if (code != raw.SQLITE_OK)
            {
                throw database.Error(code);
            }

            raw.sqlite3_extended_result_codes(handle, 1);
            raw.sqlite3_busy_timeout(handle, (int)Math.Min(int.MaxValue, settings.BusyTimeout.TotalMilliseconds));
            foreach (var pragma in settings.Pragmas)
            {
                database.Execute("PRAGMA " + pragma);
            }

            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Whether an error means that another connection holds the database, so that trying again can help.</summary>
    public static bool IsLocked(SqliteException error) => error.SqliteErrorCode is raw.SQLITE_BUSY or raw.SQLITE_LOCKED;

    /// <summary>Runs statements that give nothing back.</summary>
    public void Execute(string sql)
    {
        for (var rest = sql; !string.IsNullOrWhiteSpace(rest);)
        {
            using var statement = Prepare(rest, out rest);
            while (statement.Step())
            {
                // A pragma that answers is run for its effect.
                continue;
            }
        }
    }

    /// <summary>Compiles a statement, which lives no longer than this connection.</summary>
    public SqliteStatement Prepare(string sql) => Prepare(sql, out _);

    /// <summary>The last error as an exception.</summary>
    public SqliteException Error(int code)
        => new(raw.sqlite3_errmsg(handle).utf8_to_string(), code & 0xff, code);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var statement in statements.ToArray())
        {
            statement.Dispose();
        }

        handle.Dispose();
    }

    internal void Forget(SqliteStatement statement) => statements.Remove(statement);

    private SqliteStatement Prepare(string sql, out string rest)
    {
        var code = raw.sqlite3_prepare_v2(handle, sql, out var statement, out rest);
        if (code != raw.SQLITE_OK)
        {
            throw Error(code);
        }

        var prepared = new SqliteStatement(this, statement);
        statements.Add(prepared);
        return prepared;
    }
}
