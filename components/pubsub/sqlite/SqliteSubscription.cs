using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>
/// A subscription: takes the messages that the broker's loop claims for it to the handler, and the answers back.
/// </summary>
internal sealed class SqliteSubscription : ISubscription
{
    private readonly BrokerLoop loop;
    private readonly MessageHandler handler;
    private readonly ComponentContext context;
    private readonly Action<SqliteSubscription> remove;
    private readonly CancellationTokenSource giveUp = new();
    private readonly InFlight inFlight = new();
    private readonly Lazy<Task> ending;
    private volatile bool paused;

    public SqliteSubscription(
        BrokerLoop loop,
        string topic,
        string group,
        int room,
        MessageHandler handler,
        ComponentContext context,
        Action<SqliteSubscription> remove)
    {
        this.loop = loop;
        this.handler = handler;
        this.context = context;
        this.remove = remove;
        Topic = topic;
        Group = group;
        Room = room;
        ending = new Lazy<Task>(EndAsync);
    }

    public string Topic { get; }

    public string Group { get; }

    /// <summary>How many more messages may be claimed. The loop's.</summary>
    public int Room { get; set; }

    /// <summary>The messages that are claimed and not answered, with the number of the delivery. The loop's.</summary>
    public Dictionary<long, int> Claimed { get; } = [];

    /// <summary>The group's number. The loop's.</summary>
    public long GroupId { get; set; }

    /// <summary>Whether there may be something to claim. The loop's.</summary>
    public bool Hungry { get; set; }

    /// <summary>Whether nothing more is handed out. The loop's.</summary>
    public bool Stopped { get; set; }

    /// <summary>When to look for messages that come back, such as failed ones; now when that is not known. The loop's.</summary>
    public long? NextDue { get; set; } = 0;

    public async ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        paused = true;
        await loop.SendAsync(new PauseCommand(this), cancellationToken);
    }

    public ValueTask DisposeAsync() => new(ending.Value);

    /// <summary>Has a claimed message handled beside others.</summary>
    public void Start(StoredMessage message)
    {
        inFlight.Enter();
        ThreadPool.UnsafeQueueUserWorkItem(
            static work => work.Subscription.Handle(work.Message), (Subscription: this, Message: message), preferLocal: false);
    }

    private async void Handle(StoredMessage stored)
    {
        try
        {
            var settlement = paused ? Settlement.Leave : await handler.AnswerAsync(stored.Message, context, giveUp.Token);
            loop.Answer(new Answer(this, stored.Id, stored.Attempt, settlement));
        }
        finally
        {
            inFlight.Exit();
        }
    }

    private async Task EndAsync()
    {
        try
        {
            await PauseAsync(CancellationToken.None);
            await giveUp.CancelAsync();
            if (!await inFlight.DrainAsync(context.Time))
            {
                context.Logger.LogWarning(
                    "{Component}: a handler of topic {Topic} did not stop, its message is left", context.LogName, Topic);
            }

            await loop.SendAsync(new CloseCommand(this), CancellationToken.None);
        }
        catch (BrokerUnavailableException e)
        {
            // What could not be written is delivered again once its claim has run out.
            context.Logger.LogWarning(
                "{Component}: ending the subscription of topic {Topic}: {Problem}", context.LogName, Topic, e.Message);
        }

        remove(this);
    }
}
