using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace DaprK8s.Common.Resources;

/// <summary>
/// Turns YAML into JSON, which the typed resources are read from: the route that Kubernetes itself takes, so a manifest
/// means the same from a file and from the API server. Plain scalars are typed by the YAML 1.2 core schema plus
/// <c>yes/no/on/off</c>-free booleans; quoted scalars are always strings.
/// </summary>
public static class YamlJson
{
    private const int MaxDepth = 64;

    /// <summary>Converts the first document of a text; nothing in it yields <see langword="null"/>.</summary>
    /// <exception cref="YamlException">The text is no YAML; the exception tells line and column.</exception>
    public static byte[]? Convert(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        if (stream.Documents.Count == 0 || IsNull(stream.Documents[0].RootNode))
        {
            return null;
        }

        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, stream.Documents[0].RootNode, 0);
        }

        return buffer.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, YamlNode node, int depth)
    {
        // Anchors can make a small document enormous; depth bounds recursion, the writer's output is bounded by the caller's file size.
        if (depth > MaxDepth)
        {
            throw new YamlException(node.Start, node.End, "the document is nested too deeply");
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                writer.WriteStartObject();
                foreach (var (key, value) in mapping.Children)
                {
                    writer.WritePropertyName((key as YamlScalarNode)?.Value ?? throw new YamlException(key.Start, key.End, "a key must be a scalar"));
                    Write(writer, value, depth + 1);
                }

                writer.WriteEndObject();
                break;
            case YamlSequenceNode sequence:
                writer.WriteStartArray();
                foreach (var item in sequence.Children)
                {
                    Write(writer, item, depth + 1);
                }

                writer.WriteEndArray();
                break;
            case YamlScalarNode scalar:
                WriteScalar(writer, scalar);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any) || scalar.Tag == "tag:yaml.org,2002:str")
        {
            writer.WriteStringValue(text);
        }
        else if (IsNull(scalar))
        {
            writer.WriteNullValue();
        }
        else if (text is "true" or "True" or "TRUE")
        {
            writer.WriteBooleanValue(true);
        }
        else if (text is "false" or "False" or "FALSE")
        {
            writer.WriteBooleanValue(false);
        }
        else if (IsJsonNumber(text))
        {
            writer.WriteRawValue(text);
        }
        else if (text.Length > 1 && text[0] == '+' && IsJsonNumber(text[1..]))
        {
            writer.WriteRawValue(text[1..]);
        }
        else if (text.StartsWith("0x", StringComparison.Ordinal) && long.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var hex))
        {
            writer.WriteNumberValue(hex);
        }
        else
        {
            writer.WriteStringValue(text);
        }
    }

    private static bool IsNull(YamlNode node)
        => node is YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any, Value: null or "" or "~" or "null" or "Null" or "NULL" };

    private static bool IsJsonNumber(string text)
    {
        if (text.Length is 0 or > 40 || (text[0] != '-' && !char.IsAsciiDigit(text[0])))
        {
            return false;
        }

        var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(text));
        try
        {
            return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.BytesConsumed == text.Length;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
