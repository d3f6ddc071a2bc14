using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// A subscription that runs at a broker, and its end: pause, wait for what is in flight, dispose (contract: messaging 2.14).
/// A message that comes after the seal is left to the broker; whatever goes wrong with one fails that one alone.
/// </summary>
internal sealed class ActiveSubscription
{
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DisposeLimit = TimeSpan.FromSeconds(10);

    private readonly WorkGate gate = new();
    private readonly CancellationTokenSource aborted = new();
    private readonly Lazy<Task> closed;
    private readonly string name;
    private readonly EventDelivery delivery;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private volatile bool abandoned;
    private ISubscription? running;

    private ActiveSubscription(string name, EventDelivery delivery, DeliveryServices services)
    {
        this.name = name;
        this.delivery = delivery;
        time = services.Time;
        logger = services.Logger;
        closed = new Lazy<Task>(EndAsync);
    }

    /// <summary>Subscribes; returns once the subscription is active.</summary>
    /// <exception cref="Exception">The broker's.</exception>
    public static async Task<ActiveSubscription> OpenAsync(
        IPubSub broker, SubscribeRequest request, EventDelivery delivery, DeliveryServices services, CancellationToken cancellationToken)
    {
        var active = new ActiveSubscription(request.Topic, delivery, services);
        try
        {
            active.running = await broker.SubscribeAsync(request, active.HandleAsync, cancellationToken);
            return active;
        }
        catch
        {
            active.gate.Seal();
            throw;
        }
    }

    /// <summary>Ends it gently: what is in flight may finish. Idempotent.</summary>
    public Task CloseAsync() => closed.Value;

    /// <summary>Ends it at once, because nobody is left to answer: what is in flight fails and goes back to the broker.</summary>
    public async Task AbandonAsync()
    {
        abandoned = true;
        gate.Seal();
        await aborted.CancelAsync();
        await closed.Value;
    }

    private async ValueTask<Settlement> HandleAsync(BrokerMessage message, CancellationToken cancellationToken)
    {
        // The token of the broker's own limit is not looked at: a policy is not cut short by it (contract: messaging 2.11).
        if (!gate.TryEnter())
        {
            return Settlement.Leave;
        }

        try
        {
            return await delivery.DeliverAsync(message, aborted.Token);
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            return abandoned ? Settlement.Nack : Settlement.Leave;
        }
        catch (Exception e) when (aborted.IsCancellationRequested)
        {
            logger.LogDebug(e, "a delivery of topic {Topic} ended as its subscription closed", name);
            return abandoned ? Settlement.Nack : Settlement.Leave;
        }
        catch (Exception e)
        {
            delivery.RecordUnexpected(message.Topic);
            logger.LogError(e, "unexpected failure in the delivery of a message of topic {Topic}; the message counts as failed", name);
            return Settlement.Nack;
        }
        finally
        {
            gate.Exit();
        }
    }

    private async Task EndAsync()
    {
        using var pausing = new CancellationTokenSource(PauseLimit, time);
        await WithinAsync(() => running!.PauseAsync(pausing.Token).AsTask(), PauseLimit, "pause");
        gate.Seal();
        if (!await WithinAsync(() => gate.Idle, DrainLimit, "finish its deliveries"))
        {
            await aborted.CancelAsync();
            await WithinAsync(() => gate.Idle, AbortLimit, "stop its deliveries");
        }

        await WithinAsync(() => running!.DisposeAsync().AsTask(), DisposeLimit, "close");
    }

    private async Task<bool> WithinAsync(Func<Task> begin, TimeSpan limit, string what)
    {
        var step = Task.CompletedTask;
        try
        {
            step = begin();
            await step.WaitAsync(limit, time);
            return true;
        }
        catch (TimeoutException)
        {
            logger.LogWarning("the subscription to {Topic} did not {Step} within {Limit}", name, what, limit);
            _ = step.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            return false;
        }
        catch (Exception e)
        {
            logger.LogError(e, "the subscription to {Topic} failed to {Step}", name, what);
            return true;
        }
    }
}
