using System.Runtime.CompilerServices;
using System.Text.Json;

namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>The attributes of an event that the sidecar itself reads or writes.</summary>
internal enum EventAttribute
{
    Id,
    Source,
    Type,
    SpecVersion,
    DataContentType,
    Topic,
    PubSubName,
    Time,
    Expiration,
    TraceId,
    TraceParent,
    TraceState,
    Data,
    DataBase64,
}

/// <summary>The attributes' names.</summary>
internal static class EventAttributes
{
    public const int Count = 14;

    private static readonly byte[][] Names =
    [
        "id"u8.ToArray(), "source"u8.ToArray(), "type"u8.ToArray(), "specversion"u8.ToArray(), "datacontenttype"u8.ToArray(),
        "topic"u8.ToArray(), "pubsubname"u8.ToArray(), "time"u8.ToArray(), "expiration"u8.ToArray(), "traceid"u8.ToArray(),
        "traceparent"u8.ToArray(), "tracestate"u8.ToArray(), "data"u8.ToArray(), "data_base64"u8.ToArray(),
    ];

    public static ReadOnlySpan<byte> NameOf(EventAttribute attribute) => Names[(int)attribute];

    /// <summary>Which attribute the property name under the reader is, if any.</summary>
    public static bool TryMatch(ref Utf8JsonReader reader, out EventAttribute attribute)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (reader.TextIs(Names[i]))
            {
                attribute = (EventAttribute)i;
                return true;
            }
        }

        attribute = default;
        return false;
    }
}

/// <summary>Compares the text under a reader.</summary>
internal static class ReaderText
{
    /// <summary>Whether a name or string is this text; one that JSON allows and Unicode does not is none.</summary>
    public static bool TextIs(this ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
    {
        if (!reader.ValueIsEscaped)
        {
            return reader.ValueSpan.SequenceEqual(text);
        }

        try
        {
            return reader.ValueTextEquals(text);
        }
        catch (InvalidOperationException)
        {
            // An escape for half a surrogate pair.
            return false;
        }
    }
}

/// <summary>Where a value lies in its document, quotes included; a length of zero means that there is none.</summary>
internal readonly record struct JsonSlice(int Start, int Length, JsonTokenType Kind, bool IsEscaped)
{
    public bool Exists => Length > 0;

    /// <summary>Takes the value that the reader stands at the beginning of, and moves the reader to its end.</summary>
    public static JsonSlice Take(ref Utf8JsonReader reader)
    {
        var (start, kind, escaped) = ((int)reader.TokenStartIndex, reader.TokenType, reader.ValueIsEscaped);
        reader.Skip();
        return new JsonSlice(start, (int)reader.BytesConsumed - start, kind, escaped);
    }
}

/// <summary>A slice for each attribute.</summary>
[InlineArray(EventAttributes.Count)]
internal struct JsonSlices
{
    private JsonSlice first;

    public JsonSlice this[EventAttribute attribute]
    {
        readonly get => this[(int)attribute];
        set => this[(int)attribute] = value;
    }
}
