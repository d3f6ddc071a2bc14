using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>Opens the broker's file and lays out its tables.</summary>
internal static class BrokerFile
{
    private const int Version = 1;
    private const int OpenAttempts = 20;
    private const int Busy = 5;
    private const int Locked = 6;

    // Messages are numbered in the order of their commits, and a number is never used again (AUTOINCREMENT). A group has
    // got everything up to its position, but for its claims: messages that are with a consumer or wait for another attempt.
    // The payload stands last, so that the other columns are found without reading through it.
    private const string Layout =
        """
        CREATE TABLE IF NOT EXISTS pubsub_layout (version INTEGER NOT NULL);
        INSERT INTO pubsub_layout SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pubsub_layout);
        CREATE TABLE IF NOT EXISTS pubsub_message (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          topic TEXT NOT NULL,
          published_at INTEGER NOT NULL,
          expires_at INTEGER,
          content_type TEXT,
          metadata TEXT,
          data BLOB NOT NULL
        );
        CREATE INDEX IF NOT EXISTS pubsub_message_topic ON pubsub_message (topic);
        CREATE INDEX IF NOT EXISTS pubsub_message_expiry ON pubsub_message (expires_at) WHERE expires_at IS NOT NULL;
        CREATE TABLE IF NOT EXISTS pubsub_group (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          topic TEXT NOT NULL,
          name TEXT NOT NULL,
          position INTEGER NOT NULL,
          seen_at INTEGER NOT NULL,
          UNIQUE (topic, name)
        );
        CREATE TABLE IF NOT EXISTS pubsub_claim (
          group_id INTEGER NOT NULL,
          message_id INTEGER NOT NULL,
          visible_at INTEGER NOT NULL,
          attempts INTEGER NOT NULL,
          owner INTEGER,
          PRIMARY KEY (group_id, message_id)
        ) WITHOUT ROWID;
        """;

    /// <summary>Opens the file, creating what is missing. Several processes may do so at the same time.</summary>
    public static async Task<SqliteConnection> OpenAsync(
        SqlitePubSubSettings settings, TimeProvider time, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(settings.Path)!);
        for (var attempt = 1; ; attempt++)
        {
            var connection = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = settings.DataSource,
                Pooling = false,
                DefaultTimeout = 1, // SQLite's own waiting is finer; the library's comes on top of it.
            }.ToString());
            try
            {
                connection.Open();
                Execute(connection, $"PRAGMA busy_timeout = {(long)Math.Max(0, settings.BusyTimeout.TotalMilliseconds)}");
                Execute(connection, "PRAGMA journal_mode = WAL");
                Execute(connection, "PRAGMA synchronous = NORMAL");
                Execute(connection, "BEGIN IMMEDIATE");
                Execute(connection, Layout);
                Check(connection);
                Execute(connection, "COMMIT");
                return connection;
            }
            catch (Exception e)
            {
                connection.Dispose();

                // Switching to WAL does not wait for others that do the same.
                if (e is not SqliteException { SqliteErrorCode: Busy or Locked } || attempt == OpenAttempts)
                {
                    throw;
                }
            }

            await Task.Delay(Jitter.Around(TimeSpan.FromMilliseconds(50)), time, cancellationToken);
        }
    }

    private static void Check(SqliteConnection connection)
    {
        using var command = new SqliteCommand("SELECT version FROM pubsub_layout", connection);
        if (command.ExecuteScalar() is not (long)Version)
        {
            throw new InvalidOperationException("the broker's file was made by a newer version");
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}
