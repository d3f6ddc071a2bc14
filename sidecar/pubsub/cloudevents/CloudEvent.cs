using System.Text;
using System.Text.Json;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>
/// A structured-mode event as it was received: the document itself and where its attributes lie in it. Nothing is copied
/// until it is asked for. Valid for as long as the document's memory is.
/// </summary>
internal sealed class CloudEvent(ReadOnlyMemory<byte> document, in JsonSlices attributes)
{
    private readonly JsonSlices attributes = attributes;

    public ReadOnlyMemory<byte> Document { get; } = document;

    public bool Has(EventAttribute attribute) => attributes[attribute].Exists;

    /// <summary>The attribute's value as it stands in the document, or an empty slice.</summary>
    public JsonSlice Find(EventAttribute attribute) => attributes[attribute];

    /// <summary>The JSON text of a value.</summary>
    public ReadOnlyMemory<byte> Raw(JsonSlice slice) => Document.Slice(slice.Start, slice.Length);

    /// <summary>The text of an attribute; empty when it is missing or no string.</summary>
    public string Text(EventAttribute attribute)
    {
        var slice = attributes[attribute];
        if (slice.Kind != JsonTokenType.String)
        {
            return "";
        }

        return slice.IsEscaped
            ? TryUnescape(slice) is { } bytes ? Encoding.UTF8.GetString(bytes) : ""
            : Encoding.UTF8.GetString(Document.Span.Slice(slice.Start + 1, slice.Length - 2));
    }

    /// <summary>The UTF-8 bytes of a string value, or <see langword="null"/> when it is no string or holds half a surrogate pair.</summary>
    public ReadOnlyMemory<byte>? TextBytes(EventAttribute attribute)
    {
        var slice = attributes[attribute];
        if (slice.Kind != JsonTokenType.String)
        {
            return null;
        }

        return slice.IsEscaped
            ? TryUnescape(slice) is { } bytes ? bytes : null
            : Document.Slice(slice.Start + 1, slice.Length - 2);
    }

    /// <summary>Whether the event says that it is past its time; an expiration that is no RFC 3339 time does not count.</summary>
    public bool IsExpired(DateTimeOffset now)
        => attributes[EventAttribute.Expiration].Exists && Rfc3339.TryParse(Text(EventAttribute.Expiration), out var expires) && expires < now;

    /// <summary>The trace that the event carries, where it carries none that of its message's metadata.</summary>
    public TraceContext ReadTrace(IReadOnlyDictionary<string, string> metadata)
    {
        var parent = Or(EventAttribute.TraceParent, metadata, "traceparent");
        if (!IncomingTrace.IsValidParent(parent))
        {
            parent = Or(EventAttribute.TraceId, metadata, "traceid");
        }

        if (!IncomingTrace.IsValidParent(parent))
        {
            return TraceContext.None;
        }

        var state = Or(EventAttribute.TraceState, metadata, "tracestate");
        return new TraceContext(parent, EventTrace.IsState(state) ? state : null);
    }

    private string Or(EventAttribute attribute, IReadOnlyDictionary<string, string> metadata, string name)
        => Has(attribute) ? Text(attribute) : metadata.Find(name) ?? "";

    private byte[]? TryUnescape(JsonSlice slice)
    {
        var reader = new Utf8JsonReader(Raw(slice).Span);
        reader.Read();
        var buffer = new byte[slice.Length];
        try
        {
            return buffer[..reader.CopyString(buffer)];
        }
        catch (InvalidOperationException)
        {
            // An escape for half a surrogate pair, or bytes that are no UTF-8: JSON's grammar has room for them, text has none.
            return null;
        }
    }
}
