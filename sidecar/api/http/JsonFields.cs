using System.Text;
using System.Text.Json;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// Reads the fields of a JSON body of the older HTTP handlers from a reader that stands on a value (contract: api 1.2): names
/// without regard to case, null as nothing, everything else of exactly the expected type. Faults are <see cref="JsonException"/>s.
/// </summary>
internal static class JsonFields
{
    /// <summary>Enters an object.</summary>
    /// <returns><see langword="false"/> for null.</returns>
    public static bool BeginObject(ref Utf8JsonReader reader, string what) => Begin(ref reader, JsonTokenType.StartObject, what, "an object");

    /// <summary>Enters an array.</summary>
    /// <returns><see langword="false"/> for null.</returns>
    public static bool BeginArray(ref Utf8JsonReader reader, string what) => Begin(ref reader, JsonTokenType.StartArray, what, "an array");

    /// <summary>Moves to the next property's name, or past the object.</summary>
    public static bool NextProperty(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    /// <summary>Moves to the next element, or past the array.</summary>
    public static bool NextElement(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType != JsonTokenType.EndArray;

    /// <summary>Whether the property that the reader stands on has this name; if so, moves to its value.</summary>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        var same = reader.ValueIsEscaped
            ? Encoding.UTF8.GetString(name).Equals(Decode(ref reader), StringComparison.OrdinalIgnoreCase)
            : Ascii.EqualsIgnoreCase(reader.ValueSpan, name);
        return same && reader.Read();
    }

    /// <summary>A text, or <see langword="null"/>.</summary>
    public static string? Text(ref Utf8JsonReader reader, string field)
        => reader.TokenType switch
        {
            JsonTokenType.String => Decode(ref reader),
            JsonTokenType.Null => null,
            _ => throw Mismatch(ref reader, field, "a string"),
        };

    /// <summary>A whole number, zero for null.</summary>
    public static int Integer(ref Utf8JsonReader reader, string field)
        => reader.TokenType switch
        {
            JsonTokenType.Number when reader.TryGetInt32(out var number) => number,
            JsonTokenType.Null => 0,
            _ => throw Mismatch(ref reader, field, "a whole number"),
        };

    /// <summary>A list of texts, null ones empty.</summary>
    public static List<string> Texts(ref Utf8JsonReader reader, string field)
    {
        List<string> texts = [];
        if (BeginArray(ref reader, field))
        {
            while (NextElement(ref reader))
            {
                texts.Add(Text(ref reader, field) ?? "");
            }
        }

        return texts;
    }

    /// <summary>An object whose values are texts.</summary>
    public static IReadOnlyDictionary<string, string> Map(ref Utf8JsonReader reader, string field)
    {
        Dictionary<string, string>? map = null;
        if (BeginObject(ref reader, field))
        {
            while (NextProperty(ref reader))
            {
                var name = Decode(ref reader);
                reader.Read();
                (map ??= [])[name] = Text(ref reader, field) ?? "";
            }
        }

        return map ?? EmptyMetadata.Instance;
    }

    private static bool Begin(ref Utf8JsonReader reader, JsonTokenType token, string what, string expected)
        => reader.TokenType == token
            || (reader.TokenType == JsonTokenType.Null ? false : throw Mismatch(ref reader, what, expected));

    private static string Decode(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("a string is not valid Unicode", e);
        }
    }

    private static JsonException Mismatch(ref Utf8JsonReader reader, string field, string expected)
    {
        var actual = reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "an array",
            JsonTokenType.String => "a string",
            JsonTokenType.Number => "a number",
            JsonTokenType.Null => "null",
            _ => "a boolean",
        };
        return new JsonException($"{field} must be {expected}, not {actual}");
    }
}
