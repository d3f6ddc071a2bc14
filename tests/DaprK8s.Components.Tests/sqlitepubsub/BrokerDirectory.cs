using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.Tests.SqlitePubSub;

/// <summary>A directory for a test's broker file.</summary>
public sealed class BrokerDirectory : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("daprk8s-broker-");

    /// <summary>The broker's file; its directory is not there yet.</summary>
    public string File => Path.Combine(directory.FullName, "made on demand", "broker.db");

    /// <summary>Asks the file.</summary>
    public long Query(string sql)
    {
        using var connection = Open();
        using var command = new SqliteCommand(sql, connection);
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>A connection beside the broker's.</summary>
    public SqliteConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={File};Pooling=false");
        connection.Open();
        return connection;
    }

    /// <inheritdoc/>
    public void Dispose() => directory.Delete(recursive: true);
}
