using System.Globalization;
using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.Tests.Support;

/// <summary>Plain SQL over a SQLite file, through a connection that no store made.</summary>
public static class SqliteFile
{
    /// <summary>Opens a connection.</summary>
    public static SqliteConnection Open(string file)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ConnectionString);
        connection.Open();
        return connection;
    }

    /// <summary>Runs statements.</summary>
    public static void Run(string file, string sql)
    {
        using var connection = Open(file);
        Run(connection, sql);
    }

    /// <summary>Runs statements.</summary>
    public static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Reads rows, columns joined by a bar.</summary>
    public static string[] Rows(string file, string sql)
    {
        using var connection = Open(file);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        List<string> rows = [];
        while (reader.Read())
        {
            var columns = Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture));
            rows.Add(string.Join('|', columns));
        }

        return [.. rows];
    }
}
