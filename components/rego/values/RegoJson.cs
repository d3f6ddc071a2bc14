using System.Text;
using System.Text.Json;

namespace DaprK8s.Components.Rego;

/// <summary>Reads JSON into values.</summary>
internal static class RegoJson
{
    private const int MaxDepth = 200;

    /// <summary>Reads exactly one JSON value; of two equal keys the later one counts.</summary>
    /// <returns>The value, or <see langword="null"/> when the text is no JSON, is nested too deeply or holds an absurd number.</returns>
    public static RegoValue? TryRead(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            if (!reader.Read())
            {
                return null;
            }

            var value = Read(ref reader);
            return value is null || reader.Read() ? null : value;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is what the reader throws for an escaped lone surrogate.
            return null;
        }
    }

    /// <summary>Reads exactly one JSON value.</summary>
    public static RegoValue? TryRead(string json) => TryRead(Encoding.UTF8.GetBytes(json));

    private static RegoValue? Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return RegoNull.Instance;
            case JsonTokenType.True:
                return RegoBoolean.True;
            case JsonTokenType.False:
                return RegoBoolean.False;
            case JsonTokenType.String:
                return new RegoString(reader.GetString()!);
            case JsonTokenType.Number:
                return RegoNumber.TryParse(Encoding.ASCII.GetString(reader.ValueSpan), out var number) ? number : null;
            case JsonTokenType.StartArray:
                return ReadArray(ref reader);
            default:
                return ReadObject(ref reader);
        }
    }

    private static RegoArray? ReadArray(ref Utf8JsonReader reader)
    {
        List<RegoValue> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (Read(ref reader) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new RegoArray([.. items]);
    }

    private static RegoObject? ReadObject(ref Utf8JsonReader reader)
    {
        List<KeyValuePair<RegoValue, RegoValue>> pairs = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = new RegoString(reader.GetString()!);
            if (!reader.Read() || Read(ref reader) is not { } value)
            {
                return null;
            }

            pairs.Add(new(key, value));
        }

        return RegoObject.Of(pairs);
    }
}
