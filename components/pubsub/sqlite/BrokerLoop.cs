using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>
/// Does everything that touches the broker's file, in turns. A turn takes what has come up since the last one (messages to
/// store, answers, news from other processes), does it in one transaction together with the claims that follow from it, and
/// hands the claimed messages out. So the cost of a commit is shared by all that happens at the same time. This part is the
/// loop's life; what happens in a turn is in the other one.
/// </summary>
internal sealed partial class BrokerLoop : IAsyncDisposable
{
    private const int LargestTurn = 500;
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);

    private readonly SqlitePubSubSettings settings;
    private readonly ComponentContext context;
    private readonly BrokerTables tables;
    private readonly Channel<object> inbox = Channel.CreateUnbounded<object>(new() { SingleReader = true });
    private readonly ITimer timer;
    private readonly Task running;
    private ChangeNotice? notice;
    private int wakeUps;
    private bool failing;

    public BrokerLoop(SqlitePubSubSettings settings, SqliteConnection connection, ComponentContext context)
    {
        this.settings = settings;
        this.context = context;
        tables = new BrokerTables(connection);
        timer = context.Time.CreateTimer(_ => WakeUp(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        nextSweep = Now() + Milliseconds(SweepInterval);
        running = Task.Run(RunAsync);
    }

    /// <summary>Has a command done; returns once its effect is in the file.</summary>
    /// <exception cref="BrokerUnavailableException">It could not be done.</exception>
    /// <exception cref="PublishRejectedException">The loop has ended.</exception>
    public Task SendAsync(BrokerCommand command, CancellationToken cancellationToken)
        => inbox.Writer.TryWrite(command) ? command.Done.WaitAsync(cancellationToken)
            : command is PublishCommand or OpenCommand ? throw Refusal.Closed() : Task.CompletedTask;

    /// <summary>Takes a handler's answer.</summary>
    public void Answer(Answer answer) => inbox.Writer.TryWrite(answer);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        inbox.Writer.TryComplete();
        await running;
        notice?.Dispose();
        await timer.DisposeAsync();
        tables.Dispose();
    }

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;

    private long Now() => context.Time.GetUtcNow().ToUnixTimeMilliseconds();

    // At most one is on its way, however often the file changes.
    private void WakeUp()
    {
        if (Interlocked.Exchange(ref wakeUps, 1) == 0)
        {
            inbox.Writer.TryWrite(this);
        }
    }

    private async Task RunAsync()
    {
        while (await inbox.Reader.WaitToReadAsync())
        {
            var now = Now();
            try
            {
                Collect();
                Turn(now);
                Schedule(now);
            }
            catch (Exception e)
            {
                Fail(e, now);
            }
        }

        if (answers.Count > 0)
        {
            context.Logger.LogWarning(
                "{Component}: {Count} answers were not written, their messages come again", context.LogName, answers.Count);
        }
    }

    private void Collect()
    {
        for (var i = 0; i < LargestTurn && inbox.Reader.TryRead(out var item); i++)
        {
            switch (item)
            {
                case PublishCommand publish:
                    publishes.Add(publish);
                    break;
                case Answer answer:
                    Take(answer);
                    break;
                case PauseCommand pause:
                    pause.Subscription.Stopped = true;
                    pause.Complete();
                    break;
                case OpenCommand open:
                    opens.Add(open);
                    break;
                case CloseCommand close:
                    Forget(close.Subscription);
                    closes.Add(close);
                    break;
                default:
                    Volatile.Write(ref wakeUps, 0);
                    break;
            }
        }
    }

    // The next turn comes with the next command, or else when one of these times is reached.
    private void Schedule(long now)
    {
        var due = Math.Min(nextSweep, nextRenewal);
        if (subscriptions.Count > 0)
        {
            due = Math.Min(due, now + Milliseconds(settings.PollInterval));
        }

        foreach (var subscription in subscriptions)
        {
            if (subscription is { Stopped: false, Room: > 0, NextDue: { } next })
            {
                due = Math.Min(due, next);
            }
        }

        timer.Change(TimeSpan.FromMilliseconds(Math.Max(1, due - now)), Timeout.InfiniteTimeSpan);
    }

    // Answers stay for the next turn; everything else is told, or found again in the file.
    private void Fail(Exception e, long now)
    {
        if (!failing)
        {
            failing = true;
            context.Logger.LogWarning("{Component}: the broker's file can't be used, trying again: {Problem}", context.LogName, e.Message);
        }

        var reason = new BrokerUnavailableException($"the broker's file can't be used: {e.Message}", e);
        foreach (var command in publishes.Concat<BrokerCommand>(opens).Concat(closes))
        {
            command.Fail(reason);
        }

        foreach (var subscription in subscriptions)
        {
            subscription.Hungry = true;
            subscription.NextDue = now;
        }

        ClearTurn();
        timer.Change(Jitter.Around(RetryInterval), Timeout.InfiniteTimeSpan);
    }
}
