using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace DaprK8s.Sidecar.State;

/// <summary>
/// JSON values without insignificant white space, token for token as they came: no number is rounded, no property reordered.
/// </summary>
internal static class CompactJson
{
    /// <summary>
    /// Far more than a document has, far less than would hurt: the reader keeps one bit a level and nothing here recurses.
    /// </summary>
    public const int MaxDepth = 10_000;

    private static readonly SearchValues<byte> SpaceOrQuote = SearchValues.Create(" \t\r\n\""u8);

    public static JsonReaderOptions ReaderOptions { get; } = new() { MaxDepth = MaxDepth };

    /// <summary>Whether a text is exactly one JSON value, with nothing but white space around it.</summary>
    public static bool IsValue(ReadOnlySpan<byte> text)
    {
        try
        {
            Validate(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Checks that a text is exactly one JSON value and takes the white space out.</summary>
    /// <returns>The same memory when there was none.</returns>
    /// <exception cref="JsonException">It is not.</exception>
    public static ReadOnlyMemory<byte> FromText(ReadOnlyMemory<byte> text)
    {
        Validate(text.Span);
        var length = Measure(text.Span);
        if (length == text.Length)
        {
            return text;
        }

        var compact = new byte[length];
        Write(text.Span, compact);
        return compact;
    }

    /// <summary>The length of valid JSON once its insignificant white space is gone.</summary>
    public static int Measure(ReadOnlySpan<byte> json)
    {
        var length = 0;
        while (Next(ref json) is var part && part.Length > 0)
        {
            length += part.Length;
        }

        return length;
    }

    /// <summary>Copies valid JSON without its insignificant white space.</summary>
    /// <returns>The bytes written.</returns>
    public static int Write(ReadOnlySpan<byte> json, Span<byte> output)
    {
        var length = 0;
        while (Next(ref json) is var part && part.Length > 0)
        {
            part.CopyTo(output[length..]);
            length += part.Length;
        }

        return length;
    }

    private static void Validate(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
        {
            throw new JsonException("the text is not valid UTF-8");
        }

        var reader = new Utf8JsonReader(text, ReaderOptions);
        while (reader.Read())
        {
        }
    }

    /// <summary>Takes the next run of significant bytes off the front.</summary>
    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> json)
    {
        json = json.TrimStart(" \t\r\n"u8);
        var end = 0;
        while (end < json.Length)
        {
            var stop = json[end..].IndexOfAny(SpaceOrQuote);
            if (stop < 0)
            {
                end = json.Length;
                break;
            }

            end += stop;
            if (json[end] != '"')
            {
                break;
            }

            end += StringLength(json[end..]);
        }

        var part = json[..end];
        json = json[end..];
        return part;
    }

    private static int StringLength(ReadOnlySpan<byte> json)
    {
        var end = 1;
        while (true)
        {
            end += json[end..].IndexOfAny((byte)'"', (byte)'\\');
            if (json[end] == '"')
            {
                return end + 1;
            }

            end += 2;
        }
    }
}
