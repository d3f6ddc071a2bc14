using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.PubSub.CloudEvents;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>Makes the message that gRPC apps and streams get of an event (contract: messaging 2.10).</summary>
internal static class TopicEventMessage
{
    // Receivers' protobuf parsers give up at a hundred nested messages, and each JSON level takes up to three.
    private const int MaxDepth = 32;

    /// <exception cref="DeliveryFailedException">The event's data does not fit its content type.</exception>
    public static TopicEventRequest Make(IncomingEvent incoming, string path)
    {
        var source = incoming.Event;
        var contentType = source.Text(EventAttribute.DataContentType);
        return new TopicEventRequest
        {
            Id = source.Text(EventAttribute.Id),
            Source = source.Text(EventAttribute.Source),
            Type = source.Text(EventAttribute.Type),
            SpecVersion = source.Text(EventAttribute.SpecVersion),
            DataContentType = contentType,
            Topic = incoming.Topic,
            PubsubName = incoming.PubSub,
            Path = path,
            Data = DataOf(source, contentType),
            Extensions = ExtensionsOf(incoming),
        };
    }

    private static ByteString DataOf(CloudEvent source, string contentType)
    {
        if (source.Has(EventAttribute.DataBase64))
        {
            return DecodeBase64(source);
        }

        var data = source.Find(EventAttribute.Data);
        if (!data.Exists || data.Kind == JsonTokenType.Null)
        {
            return ByteString.Empty;
        }

        if (DataContentType.IsTextData(contentType))
        {
            return UnsafeByteOperations.UnsafeWrap(
                source.TextBytes(EventAttribute.Data) ?? throw new DeliveryFailedException($"the event's data is no text, as {contentType} says"));
        }

        return DataContentType.IsJsonData(contentType) ? UnsafeByteOperations.UnsafeWrap(source.Raw(data)) : ByteString.Empty;
    }

    private static ByteString DecodeBase64(CloudEvent source)
    {
        if (source.TextBytes(EventAttribute.DataBase64) is { } text)
        {
            var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
            if (Base64.DecodeFromUtf8(text.Span, bytes, out _, out var written) == OperationStatus.Done)
            {
                return UnsafeByteOperations.UnsafeWrap(bytes.AsMemory(0, written));
            }
        }

        throw new DeliveryFailedException("the event's data_base64 is no base64 text");
    }

    private static Struct ExtensionsOf(IncomingEvent incoming)
    {
        var extensions = new Struct();
        var reader = new Utf8JsonReader(incoming.Event.Document.Span, CloudEventReader.Strict);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (EventAttributes.TryMatch(ref reader, out var attribute) && IsOwnField(attribute))
            {
                reader.Read();
                reader.Skip();
                continue;
            }

            var name = TextOf(ref reader);
            reader.Read();
            extensions.Fields[name] = ReadValue(ref reader, 0);
        }

        AddTrace(extensions, incoming, "traceid", EventAttribute.TraceId);
        AddTrace(extensions, incoming, "traceparent", EventAttribute.TraceParent);
        AddTrace(extensions, incoming, "tracestate", EventAttribute.TraceState);
        return extensions;
    }

    private static void AddTrace(Struct extensions, IncomingEvent incoming, string name, EventAttribute attribute)
    {
        if (!incoming.Event.Has(attribute) && incoming.Message.Metadata.Find(name) is { } value)
        {
            extensions.Fields[name] = Value.ForString(value);
        }
    }

    private static bool IsOwnField(EventAttribute attribute)
        => attribute is EventAttribute.Id or EventAttribute.Source or EventAttribute.DataContentType or EventAttribute.Type
            or EventAttribute.SpecVersion or EventAttribute.Data or EventAttribute.DataBase64;

    private static Value ReadValue(ref Utf8JsonReader reader, int depth)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return Value.ForString(TextOf(ref reader));
            case JsonTokenType.Number:
                return Value.ForNumber(reader.GetDouble());
            case JsonTokenType.True or JsonTokenType.False:
                return Value.ForBool(reader.TokenType == JsonTokenType.True);
            case JsonTokenType.StartObject or JsonTokenType.StartArray when depth == MaxDepth:
                throw new DeliveryFailedException($"an attribute of the event is nested deeper than {MaxDepth} levels");
            case JsonTokenType.StartObject:
                var fields = new Struct();
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var name = TextOf(ref reader);
                    reader.Read();
                    fields.Fields[name] = ReadValue(ref reader, depth + 1);
                }

                return Value.ForStruct(fields);
            case JsonTokenType.StartArray:
                var list = new ListValue();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    list.Values.Add(ReadValue(ref reader, depth + 1));
                }

                return new Value { ListValue = list };
            default:
                return Value.ForNull();
        }
    }

    private static string TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair or bytes that are no UTF-8; the replacement character stands for them.
            return Encoding.UTF8.GetString(reader.ValueSpan);
        }
    }
}
