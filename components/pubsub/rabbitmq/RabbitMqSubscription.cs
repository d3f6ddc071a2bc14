using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// A subscription: keeps a consumer at the broker through lost connections, deleted queues and closed channels, until it is
/// paused.
/// </summary>
internal sealed class RabbitMqSubscription : ISubscription
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);

    private readonly RabbitMqLink link;
    private readonly SubscriptionPlan plan;
    private readonly MessageHandler handler;
    private readonly ComponentContext context;
    private readonly Action<RabbitMqSubscription> remove;
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource giveUp = new();
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> ending;
    private Task loop = Task.CompletedTask;
    private RabbitMqConsumer? consumer;
    private string lastProblem = "";

    public RabbitMqSubscription(
        RabbitMqLink link,
        RabbitMqSettings settings,
        SubscriptionPlan plan,
        MessageHandler handler,
        ComponentContext context,
        Action<RabbitMqSubscription> remove)
    {
        this.link = link;
        this.plan = plan;
        this.handler = handler;
        this.context = context;
        this.remove = remove;
        Settings = settings;
        ending = new Lazy<Task>(EndAsync);
    }

    public RabbitMqSettings Settings { get; }

    public string Topic => plan.Topic;

    public InFlight InFlight { get; } = new();

    /// <summary>Whose turn it is with concurrency <c>single</c>; also between an old channel and its successor.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    public bool IsPaused => stopping.IsCancellationRequested;

    /// <summary>Starts; returns once the consumer is registered at the broker.</summary>
    /// <exception cref="BrokerUnavailableException">It could not be within a minute.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        loop = Task.Run(RunAsync, CancellationToken.None);
        try
        {
            await started.Task.WaitAsync(StartTimeout, context.Time, cancellationToken);
        }
        catch (Exception e)
        {
            await DisposeAsync();
            if (e is TimeoutException)
            {
                throw new BrokerUnavailableException($"failed to subscribe to {Topic}: {lastProblem}", e);
            }

            throw;
        }
    }

    public ValueTask<Settlement> AnswerAsync(BrokerMessage message) => handler.AnswerAsync(message, context, giveUp.Token);

    public async ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await loop.WaitAsync(cancellationToken);
        if (consumer is not null)
        {
            await consumer.CancelAsync(cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => new(ending.Value);

    public void LogFailure(string what, Exception e)
        => context.Logger.LogDebug("{Component}: {What} on topic {Topic} failed: {Problem}", context.LogName, what, Topic, e.Message);

    private async Task EndAsync()
    {
        if (started.TrySetException(Refusal.Closed()))
        {
            _ = started.Task.Exception; // Observed here: its caller may be gone.
        }

        using var patience = new CancellationTokenSource(InFlight.Patience, context.Time);
        try
        {
            await PauseAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            // The broker does not answer; closing the channel says the same.
        }

        await giveUp.CancelAsync();
        if (!await InFlight.DrainAsync(context.Time))
        {
            context.Logger.LogWarning("{Component}: a handler of topic {Topic} did not stop, its message is left", context.LogName, Topic);
        }

        try
        {
            await (consumer?.DisposeAsync().AsTask() ?? Task.CompletedTask).WaitAsync(InFlight.Patience, context.Time);
        }
        catch (TimeoutException)
        {
            // A broker that does not answer, or a handler that does not stop, which the client waits for.
            context.Logger.LogWarning("{Component}: the channel of topic {Topic} did not close in time", context.LogName, Topic);
        }

        remove(this);
    }

    private async Task RunAsync()
    {
        while (!IsPaused)
        {
            try
            {
                var connection = await link.GetAsync(stopping.Token);
                consumer = await RabbitMqConsumer.StartAsync(connection, plan, this, stopping.Token);
                context.Logger.LogDebug("{Component}: consuming queue {Queue}", context.LogName, plan.Queue);
                started.TrySetResult();
                var reason = await consumer.Ended.WaitAsync(stopping.Token);
                LogEnd(reason);
                await consumer.DisposeAsync();
            }
            catch (OperationCanceledException) when (IsPaused)
            {
                return;
            }
            catch (Exception e)
            {
                lastProblem = e.Message;
                LogEnd(e.Message);
            }

            await Task.Delay(Jitter.Around(Settings.ReconnectWait), context.Time, stopping.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void LogEnd(string reason)
        => context.Logger.LogWarning("{Component}: topic {Topic} is not consumed, trying again: {Reason}", context.LogName, Topic, reason);
}
