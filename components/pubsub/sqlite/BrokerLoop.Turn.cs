namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>What happens in a turn. All of it is used by the loop only.</summary>
internal sealed partial class BrokerLoop
{
    private const int AnswersBetweenSweeps = 1000;
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);

    private readonly List<SqliteSubscription> subscriptions = [];

    // What this turn has to write. Answers stay until they are written.
    private readonly List<PublishCommand> publishes = [];
    private readonly List<OpenCommand> opens = [];
    private readonly List<CloseCommand> closes = [];
    private readonly List<Answer> answers = [];

    private readonly List<StoredMessage> claimed = [];
    private readonly List<(SqliteSubscription Subscription, StoredMessage Message)> handOuts = [];
    private readonly HashSet<string> topicsToSweep = new(StringComparer.Ordinal);
    private long seenVersion;
    private long nextSweep;
    private long nextRenewal = long.MaxValue;
    private long groupsSeenAt;
    private int answersSinceSweep;

    private void Turn(long now)
    {
        LookAround(now);
        if (publishes.Count + opens.Count + closes.Count + answers.Count == 0
            && now < nextSweep && now < nextRenewal && !AnyoneHasWork(now))
        {
            return;
        }

        tables.Begin();
        try
        {
            WritePublishes(now);
            WriteOpens(now);
            WriteAnswers(now);
            Renew(now);
            Sweep(now);
            Claim(now);
            tables.Commit();
        }
        catch
        {
            tables.Rollback();
            throw;
        }

        Finish(now);
    }

    private void Take(Answer answer)
    {
        var subscription = answer.Subscription;
        if (subscription.Claimed.Remove(answer.MessageId))
        {
            subscription.Room++;
            subscription.Hungry = true;
            answers.Add(answer);
        }
    }

    private void Forget(SqliteSubscription subscription)
    {
        foreach (var (id, attempt) in subscription.Claimed)
        {
            answers.Add(new Answer(subscription, id, attempt, Settlement.Leave));
        }

        subscription.Claimed.Clear();
        subscription.Stopped = true;
        subscriptions.Remove(subscription);
        nextSweep = 0;
    }

    private void LookAround(long now)
    {
        var version = tables.DataVersion();
        var changed = version != seenVersion;
        seenVersion = version;
        foreach (var subscription in subscriptions)
        {
            if (changed)
            {
                subscription.NextDue = now; // Another process may have given a message back.
            }

            subscription.Hungry |= subscription.NextDue <= now;
        }
    }

    // Reading first keeps processes from queueing for the write lock just to find nothing.
    private bool AnyoneHasWork(long now)
    {
        var work = false;
        foreach (var subscription in subscriptions.Where(IsClaiming))
        {
            if (tables.HasWork(subscription.GroupId, subscription.Topic, now))
            {
                work = true;
            }
            else
            {
                subscription.Hungry = false;
                subscription.NextDue = tables.NextDue(subscription.GroupId);
            }
        }

        return work;
    }

    private static bool IsClaiming(SqliteSubscription subscription) => subscription is { Stopped: false, Hungry: true, Room: > 0 };

    private void WritePublishes(long now)
    {
        foreach (var publish in publishes)
        {
            tables.Insert(publish, now);
            foreach (var subscription in subscriptions)
            {
                subscription.Hungry |= subscription.Topic == publish.Topic;
            }
        }
    }

    // After the publishes: those of this turn were there before.
    private void WriteOpens(long now)
    {
        foreach (var open in opens)
        {
            open.Subscription.GroupId = tables.OpenGroup(open.Subscription.Topic, open.Subscription.Group, now);
        }
    }

    private void WriteAnswers(long now)
    {
        foreach (var (subscription, id, attempt, settlement) in answers)
        {
            switch (settlement)
            {
                case Settlement.Ack:
                    tables.Settle(subscription.GroupId, id);
                    topicsToSweep.Add(subscription.Topic);
                    break;
                case Settlement.Leave when subscription.Stopped:
                    Release(subscription, id, attempt - 1, now);
                    break;
                default:
                    Release(subscription, id, attempt, now + Milliseconds(settings.BackOff(attempt)));
                    break;
            }
        }
    }

    private void Release(SqliteSubscription subscription, long id, int attempts, long visibleAt)
    {
        tables.Release(subscription.GroupId, id, attempts, visibleAt);
        foreach (var sibling in subscriptions)
        {
            if (sibling.GroupId == subscription.GroupId && !(sibling.NextDue <= visibleAt))
            {
                sibling.NextDue = visibleAt;
            }
        }
    }

    private void Renew(long now)
    {
        if (now >= nextRenewal)
        {
            tables.Renew(now + Milliseconds(settings.VisibilityTimeout));
        }
    }

    private void Sweep(long now)
    {
        if (now >= nextSweep)
        {
            tables.Sweep(now, now - Milliseconds(settings.Retention));
            if (now - groupsSeenAt >= Milliseconds(settings.Retention) / 10)
            {
                groupsSeenAt = now;
                foreach (var subscription in subscriptions)
                {
                    subscription.GroupId = tables.OpenGroup(subscription.Topic, subscription.Group, now);
                }
            }
        }
        else if (answersSinceSweep + answers.Count >= AnswersBetweenSweeps)
        {
            foreach (var topic in topicsToSweep)
            {
                tables.SweepTopic(topic);
            }
        }
    }

    private void Claim(long now)
    {
        var until = now + Milliseconds(settings.VisibilityTimeout);
        foreach (var subscription in subscriptions.Where(IsClaiming))
        {
            claimed.Clear();
            if (subscription.NextDue <= now)
            {
                tables.ClaimDue(subscription.GroupId, subscription.Topic, subscription.Room, now, until, claimed);
                subscription.NextDue = tables.NextDue(subscription.GroupId);
            }

            if (claimed.Count < subscription.Room)
            {
                subscription.Hungry = tables.ClaimNew(
                    subscription.GroupId, subscription.Topic, subscription.Room - claimed.Count, now, until, claimed);
            }

            foreach (var message in claimed)
            {
                handOuts.Add((subscription, message));
            }
        }
    }

    // All of the turn is in the file now.
    private void Finish(long now)
    {
        failing = false;
        if (publishes.Count > 0 || answers.Exists(a => a.Settlement != Settlement.Ack))
        {
            ChangeNotice.Give(settings.Path, context);
        }

        foreach (var command in publishes.Concat<BrokerCommand>(closes))
        {
            command.Complete();
        }

        foreach (var open in opens)
        {
            Start(open);
        }

        foreach (var (subscription, message) in handOuts)
        {
            subscription.Claimed[message.Id] = message.Attempt;
            subscription.Room--;
            subscription.Start(message);
        }

        if (now >= nextSweep || answersSinceSweep + answers.Count >= AnswersBetweenSweeps)
        {
            topicsToSweep.Clear();
            answersSinceSweep = 0;
            nextSweep = now + Milliseconds(SweepInterval);
        }
        else
        {
            answersSinceSweep += answers.Count;
        }

        if (now >= nextRenewal || nextRenewal == long.MaxValue)
        {
            nextRenewal = subscriptions.Exists(s => s.Claimed.Count > 0) ? now + (Milliseconds(settings.VisibilityTimeout) / 3) : long.MaxValue;
        }

        answers.Clear();
        ClearTurn();
    }

    private void Start(OpenCommand open)
    {
        var subscription = open.Subscription;
        if (!subscription.Stopped) // It is when its caller gave up meanwhile.
        {
            notice ??= new ChangeNotice(settings.Path, WakeUp, context);
            subscriptions.Add(subscription);
            subscription.Hungry = true;
            WakeUp();
        }

        open.Complete();
    }

    private void ClearTurn()
    {
        publishes.Clear();
        opens.Clear();
        closes.Clear();
        handOuts.Clear();
    }
}
