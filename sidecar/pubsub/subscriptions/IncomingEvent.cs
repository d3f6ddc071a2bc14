using System.Buffers;
using DaprK8s.Components;
using DaprK8s.Sidecar.PubSub.CloudEvents;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>A broker's message, understood as an event (contract: messaging 2.8).</summary>
internal sealed class IncomingEvent
{
    private IncomingEvent(string pubSub, string topic, BrokerMessage message, CloudEvent cloudEvent, ReadOnlyMemory<byte> body)
    {
        PubSub = pubSub;
        Topic = topic;
        Message = message;
        Event = cloudEvent;
        Body = body;
        Trace = cloudEvent.ReadTrace(message.Metadata);
    }

    public string PubSub { get; }

    /// <summary>The message's topic as the app knows it.</summary>
    public string Topic { get; }

    public BrokerMessage Message { get; }

    public CloudEvent Event { get; }

    /// <summary>What an HTTP app gets: the received bytes unchanged, or the event made around raw ones.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    public TraceContext Trace { get; }

    /// <exception cref="CloudEventException">The message is no event.</exception>
    public static IncomingEvent Read(string pubSub, string topic, BrokerMessage message, bool isRaw)
    {
        if (isRaw)
        {
            var wrapped = new ArrayBufferWriter<byte>((message.Data.Length * 4 / 3) + 256);
            CloudEventEnvelope.WrapRaw(wrapped, pubSub, topic, message.Data.Span, message.Metadata);
            return new IncomingEvent(pubSub, topic, message, CloudEventReader.Read(wrapped.WrittenMemory), wrapped.WrittenMemory);
        }

        var contentType = message.ContentType is { Length: > 0 } given ? given : message.Metadata.Find("content-type") ?? "";
        if (DataContentType.IsOctetStream(contentType))
        {
            var attributes = new ArrayBufferWriter<byte>(256);
            CloudEventEnvelope.WriteBinaryMode(attributes, contentType, message.Metadata);
            return new IncomingEvent(pubSub, topic, message, CloudEventReader.Read(attributes.WrittenMemory), message.Data);
        }

        return new IncomingEvent(pubSub, topic, message, CloudEventReader.Read(message.Data), message.Data);
    }
}
