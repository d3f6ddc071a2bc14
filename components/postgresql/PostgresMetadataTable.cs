using DaprK8s.Components.Sql;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace DaprK8s.Components.PostgreSql;

/// <summary>One change of a schema, made on a connection with an open transaction that takes it back if it fails.</summary>
internal delegate Task Migration(NpgsqlConnection connection, CancellationToken cancellationToken);

/// <summary>
/// The table in which providers note the level of their schema and when they last cleaned up (contract: components 3.3).
/// Dapr's sidecars use the same table, and the same row of it as a lock, so either may migrate while the other starts.
/// </summary>
/// <param name="name">The table's name, checked, with its schema if it has one.</param>
/// <param name="source">Connections.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of changes to the schema.</param>
/// <param name="component">The component, for the log.</param>
internal sealed class PostgresMetadataTable(string name, NpgsqlDataSource source, TimeProvider time, ILogger logger, string component)
{
    private const int CreateAttempts = 4;
    private const int LockWaitSeconds = 60;
    private static readonly TimeSpan CreateDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Brings a schema to its newest level. A schema that is there already is recognised by one read, without any right to
    /// change tables; a level higher than known is left alone.
    /// </summary>
    /// <param name="levelKey">The row that notes the level.</param>
    /// <param name="migrations">The changes; the first one leads to level 1.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task MigrateAsync(string levelKey, IReadOnlyList<Migration> migrations, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        if (await PostgresIdentifier.ExistsAsync(connection, name, cancellationToken))
        {
            if (await ReadLevelAsync(connection, levelKey, cancellationToken) >= migrations.Count)
            {
                return;
            }
        }
        else
        {
            await CreateAsync(connection, cancellationToken);
        }

        await ExecuteAsync(connection, $"INSERT INTO {name} (key, value) VALUES ('lock', 'lock') ON CONFLICT (key) DO NOTHING", cancellationToken);
        while (await MigrateOneLevelAsync(connection, levelKey, migrations, cancellationToken))
        {
        }
    }

    /// <summary>Notes that a cleanup begins, unless the last one is younger than <paramref name="age"/>.</summary>
    /// <returns>Whether it was noted.</returns>
    public async Task<bool> ClaimCleanupAsync(string key, TimeSpan age, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            INSERT INTO {name} AS m (key, value) VALUES ($1, now()::text)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value
            WHERE now() - m.value::timestamptz > $2 * interval '1 second'
            """, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key });
        command.Parameters.Add(new NpgsqlParameter<double> { TypedValue = age.TotalSeconds });
        return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    // A transaction a level, opened by the lock: what is noted is what was done, and instances that wait see it.
    private async Task<bool> MigrateOneLevelAsync(
        NpgsqlConnection connection, string levelKey, IReadOnlyList<Migration> migrations, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var take = new NpgsqlCommand($"SELECT value FROM {name} WHERE key = 'lock' FOR UPDATE", connection))
        {
            take.CommandTimeout = LockWaitSeconds;
            await take.ExecuteScalarAsync(cancellationToken);
        }

        var level = await ReadLevelAsync(connection, levelKey, cancellationToken);
        if (level >= migrations.Count)
        {
            return false;
        }

        logger.LogInformation("Bringing the tables of component {Component} to level {Level}", component, level + 1);
        await migrations[level](connection, cancellationToken);
        await using var note = new NpgsqlCommand(
            $"INSERT INTO {name} (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", connection);
        note.Parameters.Add(new NpgsqlParameter<string> { TypedValue = levelKey });
        note.Parameters.Add(new NpgsqlParameter<string> { TypedValue = MigrationLevel.Format(level + 1) });
        await note.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private async Task<int> ReadLevelAsync(NpgsqlConnection connection, string levelKey, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT value FROM {name} WHERE key = $1", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = levelKey });
        return MigrationLevel.Parse(await command.ExecuteScalarAsync(cancellationToken) as string);
    }

    // Sessions that create one table at the same time can all find it missing; they then meet each other's rows in the
    // catalogue, of the table, its type or an index of those.
    private async Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        logger.LogInformation("Creating the metadata table of component {Component}", component);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ExecuteAsync(
                    connection, $"CREATE TABLE IF NOT EXISTS {name} (key text NOT NULL PRIMARY KEY, value text NOT NULL)", cancellationToken);
                return;
            }
            catch (PostgresException e) when (attempt < CreateAttempts
                && e.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DuplicateTable or PostgresErrorCodes.DuplicateObject)
            {
                await Task.Delay(CreateDelay, time, cancellationToken);
            }
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
