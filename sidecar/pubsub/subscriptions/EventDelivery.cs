using System.Diagnostics;
using DaprK8s.Components;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.PubSub.CloudEvents;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>What every delivery uses.</summary>
internal sealed record DeliveryServices(BrokerRoad Road, IResiliency Resiliency, ComponentMetrics Metrics, Tracer Tracer, TimeProvider Time, ILogger Logger);

/// <summary>
/// The road of one subscription's messages to the app, top to bottom: read, expired?, route, inbound policy, app, settle
/// (contract: messaging 2.8 to 2.12).
/// </summary>
internal sealed class EventDelivery(
    SubscriptionDefinition definition, ComponentHandle component, PubSubSettings settings, IEventReceiver receiver, DeliveryServices services)
{
    private const string SpanPrefix = "pubsub/";
    private static readonly TimeSpan DeadLetterLimit = TimeSpan.FromSeconds(30);

    private readonly ILogger logger = services.Logger;
    private readonly string spanName = SpanPrefix + definition.Topic;

    /// <summary>Delivers a message; the token ends when the subscription gives up what is in flight.</summary>
    /// <exception cref="OperationCanceledException">The token ended: the message is neither done nor failed.</exception>
    public async ValueTask<Settlement> DeliverAsync(BrokerMessage message, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var topic = settings.FromBroker(message.Topic);

        // 1. Read.
        IncomingEvent incoming;
        try
        {
            incoming = IncomingEvent.Read(component.Name, topic, message, definition.IsRaw);
        }
        catch (CloudEventException e)
        {
            logger.LogError("a message of topic {Topic} on pubsub {PubSub} is no event: {Error}", topic, component.Name, e.Message);
            Record(topic, "retry", "retry");
            return await BuryAsync(message, topic, Settlement.Nack, stop);
        }

        // 2. Past its time?
        if (incoming.Event.IsExpired(services.Time.GetUtcNow()))
        {
            logger.LogWarning("dropping expired pub/sub event {Id} of topic {Topic}", incoming.Event.Text(EventAttribute.Id), topic);
            Record(topic, "drop", "drop");
            return await BuryAsync(message, topic, Settlement.Ack, stop);
        }

        // 3. Where to?
        string? path;
        try
        {
            path = definition.Route(incoming.Event);
        }
        catch (RouteMatchException e)
        {
            logger.LogError("can't route an event of topic {Topic} on pubsub {PubSub}: {Error}", topic, component.Name, e.Message);
            Record(topic, "retry", "retry");
            return await BuryAsync(message, topic, Settlement.Nack, stop);
        }

        if (path is null)
        {
            logger.LogDebug("no route of topic {Topic} on pubsub {PubSub} takes event {Id}", topic, component.Name, incoming.Event.Text(EventAttribute.Id));
            Record(topic, "drop", "success");
            return await BuryAsync(message, topic, Settlement.Ack, stop);
        }

        // 4. To the app, under the inbound policy.
        try
        {
            var verdict = services.Resiliency.ForComponent(component, FlowDirection.Inbound) is { } policy
                ? await policy.RunAsync(
                    static (call, ct) => call.Delivery.AttemptAsync(call.Incoming, call.Path, ct), (Delivery: this, Incoming: incoming, Path: path), stop)
                : await AttemptAsync(incoming, path, stop);

            // 5. Settle.
            if (verdict != DeliveryVerdict.Drop)
            {
                return Settlement.Ack;
            }

            logger.LogWarning("the app dropped event {Id} of topic {Topic}", incoming.Event.Text(EventAttribute.Id), topic);
            return await BuryAsync(message, topic, Settlement.Ack, stop);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            LogFailure(e, incoming, path);
            return await BuryAsync(message, topic, Settlement.Nack, stop);
        }
    }

    /// <summary>Counts a message that failed outside of its road.</summary>
    public void RecordUnexpected(string topic) => Record(settings.FromBroker(topic), "retry", "retry");

    private async ValueTask<DeliveryVerdict> AttemptAsync(IncomingEvent incoming, string path, CancellationToken cancellationToken)
    {
        var started = services.Time.GetTimestamp();
        var status = "retry";
        using var span = services.Tracer.Start(incoming.Topic == definition.Topic ? spanName : SpanPrefix + incoming.Topic, ActivityKind.Client, incoming.Trace);
        try
        {
            var verdict = await receiver.DeliverAsync(incoming, path, span.Context, cancellationToken);
            status = verdict == DeliveryVerdict.Success ? "success" : "drop";
            return verdict;
        }
        finally
        {
            services.Metrics.RecordDelivery(component.Name, incoming.Topic, status, status, services.Time.GetElapsedTime(started));
        }
    }

    // Publishes the message as it came to the dead-letter topic, if there is one; else it gets the settlement given.
    private async ValueTask<Settlement> BuryAsync(BrokerMessage message, string topic, Settlement without, CancellationToken stop)
    {
        if (definition.DeadLetterTopic.Length == 0)
        {
            return without;
        }

        stop.ThrowIfCancellationRequested();
        using var limit = new CancellationTokenSource(DeadLetterLimit, services.Time);
        try
        {
            var letter = new PublishMessage(definition.DeadLetterTopic, message.Data) { Metadata = message.Metadata, ContentType = message.ContentType };
            await services.Road.PublishAsync(component, letter, PublishSurface.Grpc, limit.Token);
            return Settlement.Ack;
        }
        catch (Exception e)
        {
            logger.LogError(
                "can't publish a message of topic {Topic} to dead-letter topic {DeadLetterTopic}: {Error}", topic, definition.DeadLetterTopic, e.Message);
            return Settlement.Nack;
        }
    }

    private void Record(string topic, string processStatus, string status)
        => services.Metrics.RecordDelivery(component.Name, topic, processStatus, status, TimeSpan.Zero);

    private void LogFailure(Exception e, IncomingEvent incoming, string path)
    {
        const string text = "delivery of event {Id} of topic {Topic} to {Path} failed: {Error}";
        var id = incoming.Event.Text(EventAttribute.Id);
        if (e is DeliveryFailedException or OperationCanceledException or TimeoutException)
        {
            logger.LogError(text, id, incoming.Topic, path, e.Message);
        }
        else
        {
            // Also a policy's own exceptions (open circuit breaker); a stack does no harm there and is needed for a defect.
            logger.LogError(e, text, id, incoming.Topic, path, e.Message);
        }
    }
}
