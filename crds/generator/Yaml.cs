using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DaprK8s.Generator;

/// <summary>Writes JSON as block YAML, the same text for the same tree.</summary>
internal static partial class Yaml
{
    /// <summary>The document.</summary>
    public static string Write(JsonObject root)
    {
        var text = new StringBuilder();
        WriteObject(text, root, 0);
        return text.ToString();
    }

    private static void WriteObject(StringBuilder text, JsonObject mapping, int indent, bool startsInLine = false)
    {
        foreach (var (key, value) in mapping)
        {
            text.Append(' ', startsInLine ? 0 : indent).Append(Scalar(key)).Append(':');
            startsInLine = false;
            WriteValue(text, value, indent);
        }
    }

    private static void WriteValue(StringBuilder text, JsonNode? value, int indent)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } mapping:
                text.Append('\n');
                WriteObject(text, mapping, indent + 2);
                break;
            case JsonArray { Count: > 0 } list when list.All(i => i is JsonObject):
                text.Append('\n');
                foreach (var item in list)
                {
                    text.Append(' ', indent + 2).Append("- ");
                    WriteObject(text, item!.AsObject(), indent + 4, startsInLine: true);
                }

                break;
            case JsonArray list:
                text.Append(" [").AppendJoin(", ", list.Select(i => Leaf(i))).Append("]\n");
                break;
            case JsonObject:
                text.Append(" {}\n");
                break;
            default:
                text.Append(' ').Append(Leaf(value)).Append('\n');
                break;
        }
    }

    private static string Leaf(JsonNode? value)
        => value?.GetValueKind() is JsonValueKind.String ? Scalar(value.GetValue<string>()) : value?.ToJsonString() ?? "null";

    private static string Scalar(string text)
        => Plain().IsMatch(text) && !Word().IsMatch(text) ? text : $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"^[A-Za-z.][A-Za-z0-9_./-]*$")]
    private static partial Regex Plain();

    [GeneratedRegex("^(true|false|yes|no|on|off|y|n|null|none)$", RegexOptions.IgnoreCase)]
    private static partial Regex Word();
}
