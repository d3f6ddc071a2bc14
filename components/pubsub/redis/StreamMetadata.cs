using System.Buffers;
using System.Text.Json;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>The <c>metadata</c> field of a stream entry: a JSON object of texts.</summary>
internal static class StreamMetadata
{
    /// <summary>Writes publish metadata.</summary>
    public static ReadOnlyMemory<byte> Write(IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        foreach (var (name, value) in metadata)
        {
            json.WriteString(name, value);
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Reads it back.</summary>
    /// <returns><see langword="null"/> when the bytes are no such object.</returns>
    public static IReadOnlyDictionary<string, string>? TryRead(ReadOnlySpan<byte> bytes)
    {
        var metadata = new Dictionary<string, string>();
        try
        {
            var json = new Utf8JsonReader(bytes);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return json.TokenType == JsonTokenType.Null ? metadata : null;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var name = json.GetString()!;
                json.Read();
                if (json.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
                {
                    return null;
                }

                metadata[name] = json.GetString() ?? "";
            }

            return json.Read() ? null : metadata;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // The second: text that is no valid UTF-16.
        }
    }
}
