using System.Globalization;
using DaprK8s.Components.State.Sqlite;

namespace DaprK8s.Components.NameResolution.Sqlite;

/// <summary>
/// The table in which sidecars find each other, in the layout that Dapr's sidecars use too (contract: components 10.3), and
/// the metadata table beside it. Ages are counted by SQLite's clock in whole seconds, as by every other sidecar. Calls
/// block, as SQLite does; one call at a time.
/// </summary>
internal sealed class HostsTable : IDisposable
{
    private const string Now = "unixepoch(CURRENT_TIMESTAMP)";

    private readonly SqliteDatabase database;
    private readonly string hosts;
    private readonly string metadata;
    private readonly string isLive;

    private HostsTable(SqliteDatabase database, string hosts, string metadata, TimeSpan updateInterval)
    {
        this.database = database;
        this.hosts = hosts;
        this.metadata = metadata;
        isLive = string.Create(CultureInfo.InvariantCulture, $"{Now} - last_update < {(long)updateInterval.TotalSeconds}");
    }

    /// <summary>Opens the database and makes the tables, unless they are there. Several processes may do so at once.</summary>
    /// <param name="settings">Where the database is.</param>
    /// <param name="hosts">The name of the table; an identifier.</param>
    /// <param name="metadata">The name of the metadata table; an identifier.</param>
    /// <param name="updateInterval">For how long a row counts after it was renewed; whole seconds.</param>
    /// <exception cref="InvalidOperationException">The metadata table holds something else than a level.</exception>
    /// <exception cref="Microsoft.Data.Sqlite.SqliteException">The database can't be opened, or others hold it for too long.</exception>
    public static HostsTable Open(SqliteSettings settings, string hosts, string metadata, TimeSpan updateInterval)
    {
        var database = SqliteDatabase.Open(settings);
        try
        {
            if (!settings.ReadOnly)
            {
                database.Execute($"PRAGMA journal_mode = {settings.Journal}");
            }

            SqliteSchema.Migrate(database, metadata, "nr-migrations", [Create(hosts)]);
            return new HostsTable(database, hosts, metadata, updateInterval);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Enters a sidecar; one that was entered with the same address before is replaced.</summary>
    /// <returns>Whether it is entered.</returns>
    public bool Register(string registrationId, string address, string appId) => Enter("REPLACE", "", registrationId, address, appId);

    /// <summary>Enters a sidecar again whose row is gone, unless somebody else has the address by now.</summary>
    /// <returns>Whether it is entered.</returns>
    public bool RegisterAgain(string registrationId, string address, string appId)
        => Enter("INSERT", "ON CONFLICT DO NOTHING", registrationId, address, appId);

    /// <summary>Says that the sidecar is still there.</summary>
    /// <returns><see langword="false"/> when its row is gone.</returns>
    public bool Renew(string registrationId, string address)
    {
        using var update = database.Prepare($"UPDATE {hosts} SET last_update = {Now} WHERE registration_id = ?1 AND address = ?2");
        return update.Bind(1, registrationId).Bind(2, address).Run() > 0;
    }

    /// <summary>Removes the sidecar.</summary>
    /// <returns><see langword="false"/> when its row was gone.</returns>
    public bool Unregister(string registrationId, string address)
    {
        using var delete = database.Prepare($"DELETE FROM {hosts} WHERE registration_id = ?1 AND address = ?2");
        return delete.Bind(1, registrationId).Bind(2, address).Run() > 0;
    }

    /// <summary>The addresses of an app id's live sidecars.</summary>
    public string[] Find(string appId)
    {
        using var select = database.Prepare($"SELECT address FROM {hosts} WHERE app_id = ?1 AND {isLive}");
        return Texts(select.Bind(1, appId));
    }

    /// <summary>The app ids of live sidecars.</summary>
    public string[] LiveAppIds()
    {
        using var select = database.Prepare($"SELECT DISTINCT app_id FROM {hosts} WHERE {isLive} ORDER BY app_id LIMIT 100");
        return Texts(select);
    }

    /// <summary>Notes that a cleanup begins, unless the last one is not older than an age.</summary>
    /// <returns>Whether it was noted.</returns>
    public bool ClaimCleanup(TimeSpan age)
    {
        using var claim = database.Prepare(
            $"""
             INSERT INTO {metadata} (key, value) VALUES ('nr-last-cleanup', CURRENT_TIMESTAMP)
             ON CONFLICT (key) DO UPDATE SET value = CURRENT_TIMESTAMP
             WHERE ({Now} - unixepoch(value)) * 1000 > ?1
             """);
        return claim.Bind(1, (long)age.TotalMilliseconds).Run() > 0;
    }

    /// <summary>Removes the rows of sidecars that ended without a goodbye.</summary>
    /// <returns>How many there were.</returns>
    public long RemoveStale()
    {
        using var delete = database.Prepare($"DELETE FROM {hosts} WHERE NOT ({isLive})");
        return delete.Run();
    }

    /// <inheritdoc/>
    public void Dispose() => database.Dispose();

    private static string Create(string hosts)
        => $"""
            CREATE TABLE IF NOT EXISTS {hosts} (
              registration_id TEXT NOT NULL PRIMARY KEY,
              address TEXT NOT NULL,
              app_id TEXT NOT NULL,
              namespace TEXT NOT NULL,
              last_update INTEGER NOT NULL
            );
            CREATE UNIQUE INDEX IF NOT EXISTS {hosts}_address_idx ON {hosts} (address);
            CREATE INDEX IF NOT EXISTS {hosts}_last_update_idx ON {hosts} (last_update);
            """;

    private static string[] Texts(SqliteStatement rows)
    {
        List<string> texts = [];
        while (rows.Step())
        {
            texts.Add(rows.Text(0));
        }

        return [.. texts];
    }

    private bool Enter(string verb, string onConflict, string registrationId, string address, string appId)
    {
        using var insert = database.Prepare(
            $"{verb} INTO {hosts} (registration_id, address, app_id, namespace, last_update) VALUES (?1, ?2, ?3, '', {Now}) {onConflict}");
        return insert.Bind(1, registrationId).Bind(2, address).Bind(3, appId).Run() > 0;
    }
}
