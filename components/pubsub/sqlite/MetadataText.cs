using System.Buffers;
using System.Text;
using System.Text.Json;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>Message metadata as the text of a JSON object.</summary>
internal static class MetadataText
{
    /// <summary>Writes metadata; nothing for none.</summary>
    public static string? Write(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in metadata)
            {
                writer.WriteString(name, value);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Reads metadata that <see cref="Write"/> wrote.</summary>
    public static Dictionary<string, string> Read(string text)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        using var document = JsonDocument.Parse(text);
        foreach (var property in document.RootElement.EnumerateObject())
        {
            metadata[property.Name] = property.Value.GetString() ?? "";
        }

        return metadata;
    }
}
