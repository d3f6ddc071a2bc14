using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>What an envelope says beside its data.</summary>
/// <param name="PubSub">The component.</param>
/// <param name="Topic">The topic as the app wrote it.</param>
/// <param name="Source">The publishing app.</param>
/// <param name="Trace">The publish's trace.</param>
/// <param name="Now">The local time.</param>
/// <param name="Expires">When the event expires, if the broker does not see to that itself.</param>
internal readonly record struct EnvelopeFacts(
    string PubSub, string Topic, string Source, TraceContext Trace, DateTimeOffset Now, DateTimeOffset? Expires)
{
    /// <summary>The trace as it stands in the event: empty without a real one.</summary>
    public string TraceParent => Trace.TraceParent is not null && Trace.IsValid ? Trace.TraceParent : "";

    public string TraceState => TraceParent.Length > 0 ? Trace.TraceState ?? "" : "";
}

/// <summary>
/// Writes the CloudEvents 1.0 documents that the sidecar makes (contract: messaging 1.1, 1.3, 1.5, 2.8), straight into the
/// output. JSON payloads are copied as they are, so that every number survives to the digit.
/// </summary>
internal static class CloudEventEnvelope
{
    private const string DefaultSource = "Dapr";
    private const string DefaultType = "com.dapr.event.sent";
    private const string SpecVersion = "1.0";
    private const string BinaryPrefix = "ce_";

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Wraps a payload.</summary>
    public static void Write(
        IBufferWriter<byte> output, in EnvelopeFacts facts, string contentType, ReadOnlySpan<byte> data, IReadOnlyDictionary<string, string> metadata)
    {
        var overrides = EnvelopeOverrides.Read(metadata);
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        WriteData(json, contentType, data);
        json.WriteString("datacontenttype"u8, contentType.Length == 0 ? DataContentType.Text : contentType);
        WriteTime(json, "expiration"u8, facts.Expires);
        WriteId(json, overrides.Id);
        json.WriteString("pubsubname"u8, facts.PubSub);
        json.WriteString("source"u8, overrides.Source ?? facts.Source);
        json.WriteString("specversion"u8, SpecVersion);
        if (overrides.Subject is { } subject)
        {
            json.WriteString("subject"u8, subject);
        }

        WriteTime(json, "time"u8, facts.Now);
        json.WriteString("topic"u8, facts.Topic);
        var traceParent = overrides.TraceParent ?? facts.TraceParent;
        json.WriteString("traceid"u8, traceParent);
        json.WriteString("traceparent"u8, traceParent);
        json.WriteString("tracestate"u8, overrides.TraceState ?? facts.TraceState);
        json.WriteString("type"u8, overrides.Type ?? DefaultType);
        json.WriteEndObject();
    }

    /// <summary>Completes an event that the app made itself.</summary>
    /// <exception cref="CloudEventException">The document is no JSON object.</exception>
    public static void Complete(IBufferWriter<byte> output, in EnvelopeFacts facts, ReadOnlySpan<byte> document)
    {
        if (!Utf8.IsValid(document))
        {
            throw new CloudEventException("the event is not valid UTF-8");
        }

        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        var known = CopyUnknown(json, document);
        for (var attribute = EventAttribute.Id; attribute < (EventAttribute)EventAttributes.Count; attribute++)
        {
            var replaced = attribute switch
            {
                EventAttribute.Topic or EventAttribute.PubSubName => true,
                EventAttribute.Expiration => facts.Expires is not null,
                EventAttribute.Source or EventAttribute.Type or EventAttribute.SpecVersion => known[attribute].Kind == JsonTokenType.Null,
                EventAttribute.TraceParent => !known[EventAttribute.TraceId].Exists,
                _ => false,
            };
            var slice = known[attribute];
            if (slice.Exists && !replaced)
            {
                json.WritePropertyName(EventAttributes.NameOf(attribute));
                json.WriteRawValue(document.Slice(slice.Start, slice.Length), skipInputValidation: true);
            }
            else
            {
                WriteMissing(json, attribute, known[EventAttribute.TraceId].Exists, facts);
            }
        }

        json.WriteEndObject();
    }

    /// <summary>Wraps the bytes of a raw subscription's message.</summary>
    public static void WrapRaw(
        IBufferWriter<byte> output, string pubsub, string topic, ReadOnlySpan<byte> data, IReadOnlyDictionary<string, string> metadata)
    {
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        json.WriteBase64String("data_base64"u8, data);
        json.WriteString("datacontenttype"u8, DataContentType.OctetStream);
        WriteId(json, null);
        json.WriteString("pubsubname"u8, pubsub);
        json.WriteString("source"u8, DefaultSource);
        json.WriteString("specversion"u8, SpecVersion);
        json.WriteString("topic"u8, topic);
        var traceParent = metadata.Find("traceparent");
        WriteText(json, "traceid"u8, traceParent ?? metadata.Find("traceid"));
        WriteText(json, "traceparent"u8, traceParent);
        WriteText(json, "tracestate"u8, metadata.Find("tracestate"));
        json.WriteString("type"u8, DefaultType);
        json.WriteEndObject();
    }

    /// <summary>The attributes of a binary-mode event, which come as <c>ce_*</c> metadata beside the data.</summary>
    public static void WriteBinaryMode(IBufferWriter<byte> output, string contentType, IReadOnlyDictionary<string, string> metadata)
    {
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        foreach (var (name, value) in metadata)
        {
            if (name.StartsWith(BinaryPrefix, StringComparison.OrdinalIgnoreCase))
            {
                json.WriteString(name[BinaryPrefix.Length..].ToLowerInvariant(), value);
            }
        }

        json.WriteString("datacontenttype"u8, contentType);
        json.WriteEndObject();
    }

    private static void WriteData(Utf8JsonWriter json, string contentType, ReadOnlySpan<byte> data)
    {
        switch (DataContentType.FormOf(contentType))
        {
            case DataForm.Json when TryTakeJson(data, out var value):
                json.WritePropertyName("data"u8);
                json.WriteRawValue(value, skipInputValidation: true);
                break;
            case DataForm.Base64:
            case DataForm.Protobuf when ProtobufEvent.IsEvent(data):
                json.WriteBase64String("data_base64"u8, data);
                break;
            default:
                json.WriteString("data"u8, data);
                break;
        }
    }

    // The first value of the payload; what follows it is ignored.
    private static bool TryTakeJson(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!Utf8.IsValid(data))
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(data, CloudEventReader.FirstValue);
            if (!reader.Read())
            {
                return false;
            }

            var slice = JsonSlice.Take(ref reader);
            value = data.Slice(slice.Start, slice.Length);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static JsonSlices CopyUnknown(Utf8JsonWriter json, ReadOnlySpan<byte> document)
    {
        var known = default(JsonSlices);
        try
        {
            var reader = new Utf8JsonReader(document, CloudEventReader.FirstValue);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new CloudEventException("the event is no JSON object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (EventAttributes.TryMatch(ref reader, out var attribute))
                {
                    reader.Read();
                    known[attribute] = JsonSlice.Take(ref reader);
                    continue;
                }

                if (reader.ValueIsEscaped)
                {
                    json.WritePropertyName(reader.GetString()!);
                }
                else
                {
                    json.WritePropertyName(reader.ValueSpan);
                }

                reader.Read();
                var slice = JsonSlice.Take(ref reader);
                json.WriteRawValue(document.Slice(slice.Start, slice.Length), skipInputValidation: true);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CloudEventException(e.Message, e);
        }

        return known;
    }

    private static void WriteMissing(Utf8JsonWriter json, EventAttribute attribute, bool hasTraceId, in EnvelopeFacts facts)
    {
        switch (attribute)
        {
            case EventAttribute.Topic:
                json.WriteString("topic"u8, facts.Topic);
                break;
            case EventAttribute.PubSubName:
                json.WriteString("pubsubname"u8, facts.PubSub);
                break;
            case EventAttribute.Source:
                json.WriteString("source"u8, DefaultSource);
                break;
            case EventAttribute.Type:
                json.WriteString("type"u8, DefaultType);
                break;
            case EventAttribute.SpecVersion:
                json.WriteString("specversion"u8, SpecVersion);
                break;
            case EventAttribute.Time:
                WriteTime(json, "time"u8, facts.Now);
                break;
            case EventAttribute.Expiration:
                WriteTime(json, "expiration"u8, facts.Expires);
                break;
            case EventAttribute.TraceId or EventAttribute.TraceParent when !hasTraceId:
                json.WriteString(EventAttributes.NameOf(attribute), facts.TraceParent);
                break;
            case EventAttribute.TraceState:
                json.WriteString("tracestate"u8, facts.TraceState);
                break;
            default:
                break;
        }
    }

    private static void WriteId(Utf8JsonWriter json, string? id)
    {
        if (id is not null)
        {
            json.WriteString("id"u8, id);
        }
        else
        {
            json.WriteString("id"u8, Guid.NewGuid());
        }
    }

    private static void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static void WriteTime(Utf8JsonWriter json, ReadOnlySpan<byte> name, DateTimeOffset? time)
    {
        if (time is { } value)
        {
            Span<byte> text = stackalloc byte[Rfc3339.MaxLength];
            json.WriteString(name, text[..Rfc3339.Format(value, text)]);
        }
    }
}
