using System.Diagnostics;
using System.Text;
using SQLitePCL;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>A compiled statement of a <see cref="SqliteDatabase"/>. Parameters count from 1, columns from 0.</summary>
internal sealed class SqliteStatement(SqliteDatabase database, sqlite3_stmt handle) : IDisposable
{
    private bool running;

    /// <summary>Binds text given as UTF-8.</summary>
    public SqliteStatement Bind(int parameter, ReadOnlySpan<byte> text)
    {
        Check(raw.sqlite3_bind_text(handle, parameter, text));
        return this;
    }

    /// <summary>Binds text.</summary>
    public SqliteStatement Bind(int parameter, string text)
    {
        Check(raw.sqlite3_bind_text(handle, parameter, text));
        return this;
    }

    /// <summary>Binds a number.</summary>
    public SqliteStatement Bind(int parameter, long number)
    {
        Check(raw.sqlite3_bind_int64(handle, parameter, number));
        return this;
    }

    /// <summary>Binds NULL.</summary>
    public SqliteStatement BindNull(int parameter)
    {
        Check(raw.sqlite3_bind_null(handle, parameter));
        return this;
    }

    /// <summary>Goes to the next row; after the last one the statement is ready to run again.</summary>
    /// <exception cref="Microsoft.Data.Sqlite.SqliteException">The statement failed and is ready to run again.</exception>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        if (code == raw.SQLITE_LOCKED_SHAREDCACHE && !running)
        {
            code = StepWhenUnlocked();
        }

        running = code == raw.SQLITE_ROW;
        if (running)
        {
            return true;
        }

        var error = code == raw.SQLITE_DONE ? null : database.Error(code);
        Reset();
        return error is null ? false : throw error;
    }

    /// <summary>Runs a statement without rows and returns how many rows it changed.</summary>
    public int Run()
    {
        while (Step())
        {
            continue;
        }

        return database.Changes;
    }

    /// <summary>Runs the statement for the question whether it finds anything.</summary>
    public bool Any()
    {
        var any = Step();
        Reset();
        return any;
    }

    /// <summary>Ends a run before its last row.</summary>
    public void Reset()
    {
        running = false;
        _ = raw.sqlite3_reset(handle); // It repeats the error of the last step, which was reported already.
    }

    /// <summary>A column of text as UTF-8, valid until the next step.</summary>
    public ReadOnlySpan<byte> Utf8(int column) => raw.sqlite3_column_blob(handle, column);

    /// <summary>A column of text.</summary>
    public string Text(int column) => Encoding.UTF8.GetString(Utf8(column));

    /// <summary>A column of numbers.</summary>
    public long Number(int column) => raw.sqlite3_column_int64(handle, column);

    /// <summary>Whether a column is NULL.</summary>
    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    /// <inheritdoc/>
    public void Dispose()
    {
        handle.Dispose();
        database.Forget(this);
    }

    // Connections that share one in-memory database lock its tables against each other, which SQLite's own waiting leaves out.
    private int StepWhenUnlocked()
    {
        var clock = Stopwatch.StartNew();
        int code;
        do
        {
            Thread.Sleep(1);
            _ = raw.sqlite3_reset(handle);
            code = raw.sqlite3_step(handle);
        }
        while (code == raw.SQLITE_LOCKED_SHAREDCACHE && clock.Elapsed < database.BusyTimeout);
        return code;
    }

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw database.Error(code);
        }
    }
}
