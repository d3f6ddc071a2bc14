using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Sql;

/// <summary>What an <see cref="ExpiredRowCleanup"/> needs of a database.</summary>
internal interface IExpiredRows
{
    /// <summary>
    /// Notes in the database that a cleanup begins, unless the last one, of any instance, is younger than
    /// <paramref name="age"/>.
    /// </summary>
    /// <returns>Whether this instance is the one to clean up.</returns>
    Task<bool> ClaimCleanupAsync(TimeSpan age, CancellationToken cancellationToken);

    /// <summary>Deletes the rows whose time is over.</summary>
    /// <returns>How many there were.</returns>
    Task<long> DeleteExpiredAsync(CancellationToken cancellationToken);
}

/// <summary>
/// Deletes expired rows once an interval, in one of all the sidecars that share the table (contract: components 3.3). Readers
/// filter expired rows by themselves: this only gives the space back.
/// </summary>
internal sealed class ExpiredRowCleanup : IAsyncDisposable
{
    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(10);

    // The claims of the instances drift by the length of a round trip; without slack every second run would come too early.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(100);

    // The longest period that a timer takes, a little under 50 days.
    private static readonly TimeSpan LongestPeriod = TimeSpan.FromDays(49);

    private readonly IExpiredRows rows;
    private readonly TimeSpan interval;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stopping = new();
    private readonly Task loop;

    private ExpiredRowCleanup(IExpiredRows rows, TimeSpan interval, TimeProvider time, ILogger logger)
    {
        this.rows = rows;
        this.interval = interval;
        this.time = time;
        this.logger = logger;
        var timer = new PeriodicTimer(interval < LongestPeriod ? interval : LongestPeriod, time);
        loop = LoopAsync(timer, stopping.Token);
    }

    /// <summary>Starts the job; the first run comes after one interval.</summary>
    /// <param name="rows">The table.</param>
    /// <param name="interval">Time between two runs; zero or less means never.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where failures go.</param>
    /// <returns>The running job, or <see langword="null"/> when there is none.</returns>
    public static ExpiredRowCleanup? Start(IExpiredRows rows, TimeSpan interval, TimeProvider time, ILogger logger)
        => interval > TimeSpan.Zero ? new ExpiredRowCleanup(rows, interval, time, logger) : null;

    /// <summary>Stops the job and waits for a run under way to end.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await loop;
        stopping.Dispose();
    }

    private async Task LoopAsync(PeriodicTimer timer, CancellationToken cancellationToken)
    {
        using (timer)
        {
            try
            {
                while (await timer.WaitForNextTickAsync(cancellationToken))
                {
                    await RunAsync(cancellationToken);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(RunLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var age = interval - Slack;
            if (!await rows.ClaimCleanupAsync(age > TimeSpan.Zero ? age : TimeSpan.Zero, either.Token))
            {
                logger.LogDebug("Expired data was removed by another instance less than an interval ago");
                return;
            }

            var removed = await rows.DeleteExpiredAsync(either.Token);
            logger.LogInformation("Removed {Count} expired rows", removed);
        }
        catch (Exception e)
        {
            // Stopping breaks a run off on purpose; after any other failure the next interval tries again.
            if (!cancellationToken.IsCancellationRequested)
            {
                logger.LogError("Error removing expired data: {Error}", e.Message);
            }
        }
    }
}
