using DaprK8s.Components.Sql;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>
/// Brings a database to the current layout. The level reached is noted in the metadata table, so several processes can start
/// on one file at once and a database that is current is not written to (contract: components 3.3).
/// </summary>
internal static class SqliteSchema
{
    /// <summary>Runs the missing migrations.</summary>
    /// <param name="database">A connection without an open transaction.</param>
    /// <param name="metadataTable">The table that holds the level.</param>
    /// <param name="levelKey">The key of the level there.</param>
    /// <param name="migrations">The statement of each level, the first one for level 1.</param>
    /// <exception cref="InvalidOperationException">The noted level is no level.</exception>
    public static void Migrate(SqliteDatabase database, string metadataTable, string levelKey, IReadOnlyList<string> migrations)
    {
        if (ReadLevel(database, metadataTable, levelKey) >= migrations.Count)
        {
            return;
        }

        database.Execute("BEGIN EXCLUSIVE TRANSACTION");
        try
        {
            database.Execute($"CREATE TABLE IF NOT EXISTS {metadataTable} (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)");
            using var note = database.Prepare($"INSERT OR REPLACE INTO {metadataTable} (key, value) VALUES (?1, ?2)");
            for (var level = ReadLevel(database, metadataTable, levelKey); level < migrations.Count; level++)
            {
                database.Execute(migrations[level]);
                note.Bind(1, levelKey).Bind(2, MigrationLevel.Format(level + 1)).Run();
            }

            database.Execute("COMMIT");
        }
        catch
        {
            if (database.InTransaction)
            {
                database.Execute("ROLLBACK");
            }

            throw;
        }
    }

    private static int ReadLevel(SqliteDatabase database, string metadataTable, string levelKey)
    {
        using var exists = database.Prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
        if (!exists.Bind(1, metadataTable).Any())
        {
            return 0;
        }

        using var read = database.Prepare($"SELECT value FROM {metadataTable} WHERE key = ?1");
        var text = read.Bind(1, levelKey).Step() ? read.Text(0) : null;
        read.Reset();
        return MigrationLevel.Parse(text);
    }
}
