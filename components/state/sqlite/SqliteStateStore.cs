using DaprK8s.Components.Metadata;
using DaprK8s.Components.Sql;
using Microsoft.Data.Sqlite;

namespace DaprK8s.Components.State.Sqlite;

/// <summary>Keeps state in a SQLite database, in the layout that Dapr uses (contract: components 2.17 and 3.12).</summary>
internal sealed class SqliteStateStore : ITransactionalStateStore, IKeyListingStateStore, IExpiredRows
{
    private const int CleanupStep = 5_000;
    private static readonly TimeSpan LockedPause = TimeSpan.FromMilliseconds(50);

    private static readonly MetadataField<string> TableName = Field.Text("tableName", "The table of items.", "state");

    private static readonly MetadataField<string> MetadataTableName = Field.Text(
        "metadataTableName", "The table of schema level and last cleanup.", "metadata");

    private static readonly MetadataField<TimeSpan> CleanupInterval = Field.Duration(
        "cleanupInterval", "How often to delete expired rows; zero or less for never.", TimeSpan.Zero, "cleanupIntervalInSeconds");

    private SqliteWriter? writer;
    private SqliteReaders? readers;
    private ExpiredRowCleanup? cleanup;

    public StateFeatures Features
        => StateFeatures.ETag | StateFeatures.Transactional | StateFeatures.Ttl | StateFeatures.KeyListing;

    private SqliteWriter Writer => writer ?? throw new InvalidOperationException("the store is not initialised");

    public static ProviderDescriptor Describe() => new(
        "Keeps state in a SQLite database file.",
        [.. SqliteSettings.Fields, TableName, MetadataTableName, CleanupInterval],
        () => new SqliteStateStore());

    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        var settings = SqliteSettings.Read(context);
        var names = new StateTableNames(
            SqliteSettings.ReadIdentifier(context, TableName), SqliteSettings.ReadIdentifier(context, MetadataTableName));

        writer = new SqliteWriter(context.Name, stop => OpenAndMigrate(settings, names, context.Time, stop), settings.Timeout, context.Time);
        await writer.Opened.WaitAsync(cancellationToken);
        readers = settings.ReadsBesideWrites ? new SqliteReaders(() => OpenReader(settings, names, context.Time)) : null;
        cleanup = ExpiredRowCleanup.Start(this, context.Metadata.Get(CleanupInterval), context.Time, context.Logger);
    }

    public ValueTask<StateItem> GetAsync(StateGet request, CancellationToken cancellationToken)
    {
        RequireKey(request.Key, "missing key in get operation");
        return ReadAsync(static (table, key) => table.Get(key), request.Key, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(
        IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
    {
        foreach (var request in requests)
        {
            RequireKey(request.Key, "missing key in get operation");
        }

        return requests.Count == 0 ? [] : await ReadAsync(static (table, all) => table.Get(all), requests, cancellationToken);
    }

    public async ValueTask SetAsync(StateSet request, CancellationToken cancellationToken) => await WriteAsync([request], cancellationToken);

    public async ValueTask DeleteAsync(StateDelete request, CancellationToken cancellationToken) => await WriteAsync([request], cancellationToken);

    public ValueTask BulkSetAsync(IReadOnlyList<StateSet> requests, CancellationToken cancellationToken)
        => WriteEachAsync(requests, cancellationToken);

    public ValueTask BulkDeleteAsync(IReadOnlyList<StateDelete> requests, CancellationToken cancellationToken)
        => WriteEachAsync(requests, cancellationToken);

    public async ValueTask TransactAsync(
        IReadOnlyList<StateOperation> operations, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        if (operations.Count > 0)
        {
            await WriteAsync(operations, cancellationToken);
        }
    }

    public ValueTask<KeyPage> ListKeysAsync(string prefix, int pageSize, string? continuation, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        if (continuation is not null && !continuation.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw new ArgumentException($"invalid continue token: {continuation}", nameof(continuation));
        }

        var request = (Prefix: prefix, Limit: pageSize > 0 ? pageSize : int.MaxValue, After: continuation);
        return ReadAsync(static (table, r) => table.List(r.Prefix, r.Limit, r.After), request, cancellationToken);
    }

    public async Task<bool> ClaimCleanupAsync(TimeSpan age, CancellationToken cancellationToken)
        => await Writer.RunAsync(writes: true, table => table.ClaimCleanup(age), cancellationToken);

    public async Task<long> DeleteExpiredAsync(CancellationToken cancellationToken)
    {
        // Step by step, so that callers' writes get their turn in between.
        long total = 0;
        for (long? next = long.MinValue; next is { } after;)
        {
            (var deleted, next) = await Writer.RunAsync(writes: true, table => table.DeleteExpired(after, CleanupStep), cancellationToken);
            total += deleted;
        }

        return total;
    }

    public async ValueTask DisposeAsync()
    {
        if (cleanup is not null)
        {
            await cleanup.DisposeAsync();
        }

        readers?.Dispose();
        if (writer is not null)
        {
            await writer.DisposeAsync();
        }
    }

    private static StateTable OpenAndMigrate(SqliteSettings settings, StateTableNames names, TimeProvider time, CancellationToken stop)
    {
        var start = time.GetTimestamp();
        while (true)
        {
            SqliteDatabase? database = null;
            try
            {
                database = SqliteDatabase.Open(settings);
                if (!settings.ReadOnly)
                {
                    database.Execute($"PRAGMA journal_mode = {settings.Journal}");
                }

                SqliteSchema.Migrate(database, names.Metadata, "migrations", [CreateTable(names.Items)]);
                return new StateTable(database, names, time);
            }
            catch (SqliteException e) when (SqliteDatabase.IsLocked(e) && time.GetElapsedTime(start) < settings.Timeout && !stop.IsCancellationRequested)
            {
                // Others starting on the same file: changing the journal mode needs it alone, and gives up without waiting.
                database?.Dispose();
                Thread.Sleep(LockedPause * (0.5 + Random.Shared.NextDouble()));
            }
            catch
            {
                database?.Dispose();
                throw;
            }
        }
    }

    private static StateTable OpenReader(SqliteSettings settings, StateTableNames names, TimeProvider time)
    {
        var database = SqliteDatabase.Open(settings);
        database.Execute("PRAGMA query_only = 1");
        return new StateTable(database, names, time);
    }

    private static string CreateTable(string name) => $"""
        CREATE TABLE IF NOT EXISTS {name} (
          key TEXT NOT NULL PRIMARY KEY,
          value TEXT NOT NULL,
          is_binary BOOLEAN NOT NULL,
          etag TEXT NOT NULL,
          expiration_time TIMESTAMP DEFAULT NULL,
          update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
        )
        """;

    private static void RequireKey(string key, string error)
    {
        if (key.Length == 0)
        {
            throw new ArgumentException(error);
        }
    }

    private static void Check(StateOperation operation)
    {
        RequireKey(operation.Key, operation is StateSet ? "missing key in set option" : "missing key in delete operation");
        if (operation is StateSet set)
        {
            _ = StateTtl.Read(set.Metadata);
        }
    }

    private async ValueTask<TResult> ReadAsync<TArgument, TResult>(
        Func<StateTable, TArgument, TResult> read, TArgument argument, CancellationToken cancellationToken)
        => readers is not null
            ? await readers.RunAsync(read, argument, cancellationToken)
            : await Writer.RunAsync(writes: false, table => read(table, argument), cancellationToken);

    private async Task WriteAsync(IReadOnlyList<StateOperation> operations, CancellationToken cancellationToken)
    {
        foreach (var operation in operations)
        {
            Check(operation);
        }

        await Writer.RunAsync(writes: true, table => Apply(table, operations), cancellationToken);
    }

    private async ValueTask WriteEachAsync(IReadOnlyList<StateOperation> operations, CancellationToken cancellationToken)
    {
        if (operations.Count <= 1)
        {
            await TransactAsync(operations, EmptyMetadata.Instance, cancellationToken);
            return;
        }

        var jobs = new SqliteJob<bool>[operations.Count];
        for (var i = 0; i < jobs.Length; i++)
        {
            var operation = operations[i];
            jobs[i] = new SqliteJob<bool>(writes: true, table =>
            {
                Check(operation);
                return Apply(table, [operation]);
            });
        }

        Writer.Enqueue(jobs);
        List<KeyValuePair<string, Exception>> failures = [];
        for (var i = 0; i < jobs.Length; i++)
        {
            try
            {
                await Writer.WaitAsync(jobs[i], cancellationToken);
            }
            catch (Exception e)
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    Array.ForEach(jobs, static j => j.Abandon());
                    throw;
                }

                failures.Add(new(operations[i].Key, e));
            }
        }

        if (failures.Count > 0)
        {
            throw new BulkStateException(failures);
        }
    }

    private static bool Apply(StateTable table, IReadOnlyList<StateOperation> operations)
    {
        table.Apply(operations);
        return true;
    }
}
