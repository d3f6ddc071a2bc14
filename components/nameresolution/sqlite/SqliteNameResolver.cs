using System.Net;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Sql;
using DaprK8s.Components.State.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Sqlite;

/// <summary>
/// <c>nameresolution.sqlite</c>: sidecars find each other through a table in a shared database file (contract: components
/// 10.3). Each renews its row every few seconds; rows that were not renewed in time do not count.
/// </summary>
/// <remarks>
/// Unlike the reference, which ends the process when its row is gone, the row is written again: the reference's own
/// clean-up removes rows of live sidecars, and a machine that slept has lost its row rightly.
/// </remarks>
internal sealed class SqliteNameResolver : INameResolver, IExpiredRows
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan OpenPatience = TimeSpan.FromSeconds(20);

    private static readonly MetadataField<TimeSpan> Timeout = Field.Duration(
        "timeout", "How long a statement may take; at least 1s.", TimeSpan.FromSeconds(1), "timeoutInSeconds");

    private static readonly MetadataField<TimeSpan> BusyTimeout = Field.Duration(
        "busyTimeout", "How long to wait for the lock of another process; not positive means not at all.", TimeSpan.FromMilliseconds(800));

    private static readonly MetadataField<string> TableName = Field.Text("tableName", "The table of the sidecars.", "hosts");

    private static readonly MetadataField<string> MetadataTableName = Field.Text(
        "metadataTableName", "The table of the schema's version.", "metadata");

    private static readonly MetadataField<TimeSpan> UpdateInterval = Field.Duration(
        "updateInterval", "For how long a row counts after it was renewed; whole seconds, at least 1s more than the timeout.", TimeSpan.FromSeconds(5));

    private static readonly MetadataField<TimeSpan> CleanupInterval = Field.Duration(
        "cleanupInterval", "How often stale rows are removed; not positive means never.", TimeSpan.FromHours(1), "cleanupIntervalInSeconds");

    private readonly CancellationTokenSource closing = new();
    private readonly SemaphoreSlim oneAtATime = new(1);
    private readonly string registrationId = Guid.NewGuid().ToString();
    private ComponentContext context = null!;
    private HostsTable? table;
    private TimeSpan timeout;
    private TimeSpan updateInterval;
    private Task renewing = Task.CompletedTask;
    private ExpiredRowCleanup? cleanup;
    private (string Address, string AppId)? self;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> SeenAppIds { get; private set; } = [];

    /// <inheritdoc/>
    public string SearchedPlaces => "the hosts table of a SQLite database";

    /// <summary>A row may be older than a second when it is found; keeping the answer for one more takes nothing away.</summary>
    public TimeSpan CacheFor => TimeSpan.FromSeconds(1);

    private HostsTable Table => table ?? throw new InvalidOperationException("the name resolver is not initialised");

    /// <summary>What the catalogue says of it.</summary>
    public static ProviderDescriptor Describe()
        => new(
            "Finds sidecars through a SQLite database that they share.",
            [SqliteSettings.ConnectionString, Timeout, BusyTimeout, SqliteSettings.DisableWal, TableName, MetadataTableName, UpdateInterval, CleanupInterval],
            static () => new SqliteNameResolver());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        var settings = SqliteSettings.Read(context, Timeout, BusyTimeout);
        timeout = settings.Timeout;
        updateInterval = context.Metadata.Get(UpdateInterval);
        if (updateInterval.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            throw new ComponentMetadataException(UpdateInterval.Name, "update interval must not contain fractions of seconds");
        }

        if (updateInterval - timeout < TimeSpan.FromSeconds(1))
        {
            throw new ComponentMetadataException(UpdateInterval.Name, "update interval must be at least 1s greater than timeout");
        }

        var hosts = SqliteSettings.ReadIdentifier(context, TableName);
        var metadata = SqliteSettings.ReadIdentifier(context, MetadataTableName);
        if (settings.InMemory)
        {
            context.Logger.LogWarning(
                "Configuring name resolution with an in-memory SQLite database. Service invocation across different apps will not work.");
        }

        await OpenAsync(() => HostsTable.Open(settings, hosts, metadata, updateInterval), cancellationToken);
        cleanup = ExpiredRowCleanup.Start(this, context.Metadata.Get(CleanupInterval), context.Time, context.Logger);
    }

    /// <inheritdoc/>
    public async Task AnnounceAsync(Announcement self, CancellationToken cancellationToken)
    {
        AnnouncementCheck.Check(self);
        var address = new IPEndPoint(self.HostAddress, self.InternalPort).ToString();
        await RunAsync(() => Table.Register(registrationId, address, self.AppId), cancellationToken);
        this.self = (address, self.AppId);
        renewing = RenewAsync(address, self.AppId);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<string>> ResolveAsync(string appId, string @namespace, int port, CancellationToken cancellationToken)
    {
        var (found, others) = await RunAsync(
            () => Table.Find(appId) is { Length: > 0 } live ? (live, SeenAppIds) : ([], Table.LiveAppIds()),
            cancellationToken);
        SeenAppIds = others;
        return found;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        await renewing;
        if (cleanup is not null)
        {
            await cleanup.DisposeAsync();
        }

        // Behind whoever uses the connection right now.
        await oneAtATime.WaitAsync(CancellationToken.None);
        if (self is var (address, _))
        {
            try
            {
                if (!await Task.Run(() => Table.Unregister(registrationId, address)))
                {
                    context.Logger.LogWarning("failed to unregister host: no row deleted");
                }
            }
            catch (SqliteException e)
            {
                context.Logger.LogWarning("failed to unregister host: {Reason}", e.Message);
            }
        }

        table?.Dispose();

        // Callers that still wait shall learn that it is over.
        oneAtATime.Release();
        closing.Dispose();
    }

    /// <summary>
    /// Others that start on the same file may hold it, and changing the journal's mode, which needs it alone, gives up
    /// without waiting.
    /// </summary>
    private async Task OpenAsync(Func<HostsTable> open, CancellationToken cancellationToken)
    {
        var began = context.Time.GetTimestamp();
        while (table is null)
        {
            try
            {
                table = await Task.Run(open, cancellationToken);
            }
            catch (SqliteException e) when (SqliteDatabase.IsLocked(e) && context.Time.GetElapsedTime(began) < OpenPatience)
            {
                await Task.Delay(RetryPause * (0.5 + Random.Shared.NextDouble()), context.Time, cancellationToken);
            }
        }
    }

    private async Task RenewAsync(string address, string appId)
    {
        using PeriodicTimer timer = new(updateInterval - timeout, context.Time);
        while (await NextAsync(timer))
        {
            var began = context.Time.GetTimestamp();
            while (!await TryRenewAsync(address, appId) && context.Time.GetElapsedTime(began) < timeout && !closing.IsCancellationRequested)
            {
                await Task.Delay(RetryPause, context.Time, closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<bool> TryRenewAsync(string address, string appId)
    {
        try
        {
            if (!await RunAsync(() => Table.Renew(registrationId, address), closing.Token))
            {
                var again = await RunAsync(() => Table.RegisterAgain(registrationId, address, appId), closing.Token);
                context.Logger.LogError("Host registration lost; {Outcome}", again ? "registered again" : "another sidecar has taken over the address");
            }

            return true;
        }
        catch (Exception) when (closing.IsCancellationRequested)
        {
            return true;
        }
        catch (Exception e)
        {
            context.Logger.LogError("Failed to update host registration: {Reason}", e.Message);
            return false;
        }
    }

    /// <inheritdoc/>
    async Task<bool> IExpiredRows.ClaimCleanupAsync(TimeSpan age, CancellationToken cancellationToken)
        => await RunAsync(() => Table.ClaimCleanup(age), cancellationToken);

    /// <inheritdoc/>
    async Task<long> IExpiredRows.DeleteExpiredAsync(CancellationToken cancellationToken)
        => await RunAsync(() => Table.RemoveStale(), cancellationToken);

    private async ValueTask<bool> NextAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(closing.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>SQLite blocks, so it is called off the caller's thread, and one call at a time: a connection takes no more.</summary>
    private async Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await oneAtATime.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(closing.IsCancellationRequested, this);
            return await Task.Run(work, cancellationToken);
        }
        finally
        {
            oneAtATime.Release();
        }
    }
}
