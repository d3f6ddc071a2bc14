using System.Globalization;
using DaprK8s.Components.Sql;
using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.NameResolution.Sqlite;

/// <summary>
/// The table in which sidecars find each other, in the layout that Dapr's sidecars use too (contract: components 10.3), and
/// the metadata table beside it. Ages are counted by SQLite's clock in whole seconds, as by every other sidecar. Calls
/// block, as SQLite does; one call at a time on a connection.
/// </summary>
internal sealed class HostsTable(SqliteConnection connection, string hosts, string metadata, TimeSpan updateInterval)
{
    private const int Level = 1;

    private readonly long updateSeconds = (long)updateInterval.TotalSeconds;

    /// <summary>Makes the tables, unless they are there. Several processes may do so at once.</summary>
    /// <exception cref="InvalidOperationException">The metadata table holds something else than a level.</exception>
    public void Migrate()
    {
        // A database that needs nothing is not written to; it may be read-only.
        if (Exists(metadata) && ReadLevel() >= Level)
        {
            return;
        }

        Execute("BEGIN EXCLUSIVE TRANSACTION");
        try
        {
            Execute($"CREATE TABLE IF NOT EXISTS {metadata} (key text NOT NULL PRIMARY KEY, value text NOT NULL)");
            if (ReadLevel() < Level)
            {
                Execute(
                    $"""
                     CREATE TABLE IF NOT EXISTS {hosts} (
                       registration_id TEXT NOT NULL PRIMARY KEY,
                       address TEXT NOT NULL,
                       app_id TEXT NOT NULL,
                       namespace TEXT NOT NULL,
                       last_update INTEGER NOT NULL
                     );
                     CREATE UNIQUE INDEX IF NOT EXISTS {hosts}_address_idx ON {hosts} (address);
                     CREATE INDEX IF NOT EXISTS {hosts}_last_update_idx ON {hosts} (last_update);
                     REPLACE INTO {metadata} (key, value) VALUES ('nr-migrations', '{MigrationLevel.Format(Level)}');
                     """);
            }

            Execute("COMMIT TRANSACTION");
        }
        catch
        {
            Execute("ROLLBACK TRANSACTION");
            throw;
        }
    }

    /// <summary>Enters a sidecar; one that was entered with the same address before is replaced.</summary>
    /// <returns>How many rows were written.</returns>
    public int Register(string registrationId, string address, string appId)
        => Execute(
            $"REPLACE INTO {hosts} (registration_id, address, app_id, namespace, last_update) VALUES ($id, $address, $app, '', unixepoch(CURRENT_TIMESTAMP))",
            ("$id", registrationId), ("$address", address), ("$app", appId));

    /// <summary>Enters a sidecar again whose row is gone, unless somebody else has the address by now.</summary>
    /// <returns>Whether it is entered.</returns>
    public bool RegisterAgain(string registrationId, string address, string appId)
        => Execute(
            $"INSERT INTO {hosts} (registration_id, address, app_id, namespace, last_update) VALUES ($id, $address, $app, '', unixepoch(CURRENT_TIMESTAMP)) ON CONFLICT DO NOTHING",
            ("$id", registrationId), ("$address", address), ("$app", appId)) > 0;

    /// <summary>Says that the sidecar is still there.</summary>
    /// <returns><see langword="false"/> when its row is gone.</returns>
    public bool Renew(string registrationId, string address)
        => Execute(
            $"UPDATE {hosts} SET last_update = unixepoch(CURRENT_TIMESTAMP) WHERE registration_id = $id AND address = $address",
            ("$id", registrationId), ("$address", address)) > 0;

    /// <summary>Removes the sidecar.</summary>
    /// <returns><see langword="false"/> when its row was gone.</returns>
    public bool Unregister(string registrationId, string address)
        => Execute(
            $"DELETE FROM {hosts} WHERE registration_id = $id AND address = $address",
            ("$id", registrationId), ("$address", address)) > 0;

    /// <summary>The addresses of an app id's live sidecars.</summary>
    public string[] Find(string appId)
        => Query($"SELECT address FROM {hosts} WHERE app_id = $app AND {IsLive}", ("$app", appId));

    /// <summary>The app ids of live sidecars.</summary>
    public string[] LiveAppIds() => Query($"SELECT DISTINCT app_id FROM {hosts} WHERE {IsLive} ORDER BY app_id LIMIT 100");

    /// <summary>Notes that a cleanup begins, unless the last one is not older than an age.</summary>
    /// <returns>Whether it was noted.</returns>
    public bool ClaimCleanup(TimeSpan age)
        => Execute(
            $"""
             INSERT INTO {metadata} (key, value) VALUES ('nr-last-cleanup', CURRENT_TIMESTAMP)
             ON CONFLICT (key) DO UPDATE SET value = CURRENT_TIMESTAMP
             WHERE (unixepoch(CURRENT_TIMESTAMP) - unixepoch(value)) * 1000 > $age
             """,
            ("$age", (long)age.TotalMilliseconds)) > 0;

    /// <summary>Removes the rows of sidecars that ended without a goodbye.</summary>
    /// <returns>How many there were.</returns>
    public int RemoveStale() => Execute($"DELETE FROM {hosts} WHERE NOT ({IsLive})");

    private string IsLive => string.Create(CultureInfo.InvariantCulture, $"unixepoch(CURRENT_TIMESTAMP) - last_update < {updateSeconds}");

    private bool Exists(string table)
        => Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = $name", ("$name", table)).Length > 0;

    private int ReadLevel()
        => MigrationLevel.Parse(Query($"SELECT value FROM {metadata} WHERE key = 'nr-migrations'").FirstOrDefault());

    private int Execute(string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using var command = Prepare(sql, parameters);
        return command.ExecuteNonQuery();
    }

    private string[] Query(string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using var command = Prepare(sql, parameters);
        using var rows = command.ExecuteReader();
        List<string> values = [];
        while (rows.Read())
        {
            values.Add(rows.GetString(0));
        }

        return [.. values];
    }

#pragma warning disable CA2100 // The names of the tables were checked to be identifiers; every value is a parameter.
    private SqliteCommand Prepare(string sql, ReadOnlySpan<(string Name, object Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }
#pragma warning restore CA2100
}
