using DaprK8s.Components;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.PubSub.CloudEvents;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>
/// Publishing. Works whether or not there is an app. A bulk publish will be its neighbour, over the same checks and the same
/// <see cref="BrokerRoad"/>.
/// </summary>
internal sealed class PubSubBlock(ComponentRegistry components, BrokerRoad road, ComponentMetrics metrics, SidecarInfo self, TimeProvider time)
{
    private const int EnvelopeOverhead = 512;

    /// <summary>The checks that need no body: name, component, topic. A surface asks before it reads the body.</summary>
    /// <exception cref="DaprException">A check failed.</exception>
    public ComponentHandle Check(string pubsub, string topic, IReadOnlyDictionary<string, string> metadata)
    {
        if (pubsub.Length == 0)
        {
            throw PubSubErrors.NameEmpty(metadata).ToException();
        }

        var component = components.Find(ComponentKind.PubSub, pubsub) ?? throw PubSubErrors.NotFound(pubsub, metadata).ToException();
        return topic.Length > 0 ? component : throw PubSubErrors.TopicEmpty(pubsub, metadata).ToException();
    }

    /// <summary>Publishes; returns once the broker has the message.</summary>
    /// <exception cref="DaprException">A check or the broker refused.</exception>
    public async ValueTask PublishAsync(PublishRequest request, CancellationToken cancellationToken)
    {
        var component = Check(request.PubSub, request.Topic, request.Metadata);
        if (!MetadataLookup.TryReadRawPayload(request.Metadata, out var raw, out var problem))
        {
            throw PubSubErrors.BadMetadata(request.PubSub, request.Metadata, problem).ToException();
        }

        var features = await FeaturesAsync(component, request.Metadata, cancellationToken);
        if (raw)
        {
            var message = new PublishMessage(request.Topic, request.Data) { Metadata = WithTrace(request) };
            await SendAsync(component, message, request.Surface, cancellationToken);
            return;
        }

        using var envelope = new PooledBuffer(request.Data.Length + EnvelopeOverhead);
        Wrap(envelope, request, features);
        var wrapped = new PublishMessage(request.Topic, envelope.Written)
        {
            Metadata = request.Metadata,
            ContentType = DataContentType.CloudEventJson,
        };
        await SendAsync(component, wrapped, request.Surface, cancellationToken);
    }

    private static async ValueTask<PubSubFeatures> FeaturesAsync(
        ComponentHandle component, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        try
        {
            using var use = await component.UseAsync<IPubSub>(cancellationToken);
            return use.Instance.Features;
        }
        catch (ComponentNotReadyException e)
        {
            throw PubSubErrors.NotReady(e.Message, metadata).ToException(e);
        }
    }

    private void Wrap(PooledBuffer envelope, PublishRequest request, PubSubFeatures features)
    {
        var facts = new EnvelopeFacts(
            request.PubSub, request.Topic, self.AppId, request.Trace, time.GetLocalNow(), ExpirationOf(request.Metadata, features));
        try
        {
            if (DataContentType.FormOf(request.ContentType) == DataForm.CloudEvent)
            {
                CloudEventEnvelope.Complete(envelope, facts, request.Data.Span);
            }
            else
            {
                CloudEventEnvelope.Write(envelope, facts, request.ContentType, request.Data.Span, request.Metadata);
            }
        }
        catch (CloudEventException e)
        {
            throw PubSubErrors.CloudEvent(request.PubSub, self.AppId, e.Message).ToException(e);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or OverflowException)
        {
            // A value over the JSON writer's limits, some hundred megabytes.
            throw PubSubErrors.Envelope(request.PubSub, request.Topic, self.AppId, e.Message).ToException(e);
        }
    }

    private DateTimeOffset? ExpirationOf(IReadOnlyDictionary<string, string> metadata, PubSubFeatures features)
    {
        if (metadata.Count == 0 || features.HasFlag(PubSubFeatures.MessageTtl))
        {
            return null;
        }

        try
        {
            return MessageTtl.TryRead(metadata, out var ttl) ? time.GetUtcNow() + ttl : null;
        }
        catch (FormatException)
        {
            // A wrong TTL is ignored on publish (contract: messaging 1.4).
            return null;
        }
    }

    // Nothing wraps a raw payload, so over gRPC its trace travels beside it.
    private static IReadOnlyDictionary<string, string> WithTrace(PublishRequest request)
    {
        if (request.Surface != PublishSurface.Grpc || !request.Trace.IsValid)
        {
            return request.Metadata;
        }

        var metadata = request.Metadata.ToDictionary();
        metadata["traceid"] = request.Trace.TraceParent;
        metadata["tracestate"] = request.Trace.TraceState ?? "";
        return metadata;
    }

    private async ValueTask SendAsync(ComponentHandle component, PublishMessage message, PublishSurface surface, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var success = false;
        try
        {
            await road.PublishAsync(component, message, surface, cancellationToken);
            success = true;
        }
        finally
        {
            metrics.RecordPublish(component.Name, message.Topic, success, time.GetElapsedTime(started));
        }
    }
}
