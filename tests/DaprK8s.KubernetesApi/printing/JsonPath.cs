using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Printing;

/// <summary>The JSON paths of printer columns and scales: names, <c>['names']</c>, indices, <c>[*]</c> and filters <c>[?(@.type=="Ready")]</c>.</summary>
internal static class JsonPath
{
    /// <summary>All values at a path.</summary>
    public static IReadOnlyList<JsonNode> Find(JsonNode root, string path)
    {
        IReadOnlyList<JsonNode> at = [root];
        foreach (var step in Steps(path))
        {
            at = [.. at.SelectMany(node => Follow(node, step)).OfType<JsonNode>()];
        }

        return at;
    }

    /// <summary>Puts a value at a path of plain names.</summary>
    public static void Set(JsonObject root, string path, JsonNode value)
    {
        var steps = Steps(path).ToList();
        var at = root;
        foreach (var step in steps[..^1])
        {
            if (at[step] is not JsonObject next)
            {
                at[step] = next = [];
            }

            at = next;
        }

        at[steps[^1]] = value;
    }

    private static IEnumerable<JsonNode?> Follow(JsonNode node, string step)
    {
        if (step == "*")
        {
            return node switch
            {
                JsonArray a => a,
                JsonObject o => o.Select(m => m.Value),
                _ => [],
            };
        }

        if (step.StartsWith("?(", StringComparison.Ordinal))
        {
            return node is JsonArray list ? list.Where(i => i is not null && Holds(i, step[2..^1])) : [];
        }

        return node switch
        {
            JsonObject o => [o[step]],
            JsonArray a when int.TryParse(step, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index)
                && (index < 0 ? index + a.Count : index) is var i && i >= 0 && i < a.Count => [a[i]],
            _ => [],
        };
    }

    /// <summary><c>@.type == "Ready"</c></summary>
    private static bool Holds(JsonNode item, string condition)
    {
        foreach (var sign in (string[])["==", "!="])
        {
            var sides = condition.Split(sign, 2, StringSplitOptions.TrimEntries);
            if (sides.Length == 2)
            {
                var found = Find(item, sides[0].TrimStart('@')).FirstOrDefault();
                var text = found is null ? "" : found.GetValueKind() == JsonValueKind.String ? (string)found! : found.ToJsonString();
                return (text == sides[1].Trim('"', '\'')) == (sign == "==");
            }
        }

        return Find(item, condition.Trim().TrimStart('@')).Count > 0;
    }

    private static IEnumerable<string> Steps(string path)
    {
        var text = path.Trim().TrimStart('{').TrimEnd('}').TrimStart('$');
        var at = 0;
        while (at < text.Length)
        {
            if (text[at] == '.')
            {
                var end = at + 1;
                while (end < text.Length && text[end] is not ('.' or '['))
                {
                    // An escaped dot belongs to the name.
                    end += text[end] == '\\' ? 2 : 1;
                }

                if (end > at + 1)
                {
                    yield return text[(at + 1)..Math.Min(end, text.Length)].Replace("\\", "", StringComparison.Ordinal);
                }

                at = end;
            }
            else if (text[at] == '[')
            {
                var end = End(text, at);
                yield return text[(at + 1)..end].Trim('\'', '"');
                at = end + 1;
            }
            else
            {
                var end = text.AsSpan(at).IndexOfAny('.', '[') is >= 0 and var next ? at + next : text.Length;
                yield return text[at..end];
                at = end;
            }
        }
    }

    private static int End(string text, int start)
    {
        var depth = 0;
        char? quote = null;
        for (var i = start; i < text.Length; i++)
        {
            if (quote is not null)
            {
                quote = text[i] == quote ? null : quote;
            }
            else if (text[i] is '\'' or '"')
            {
                quote = text[i];
            }
            else if (text[i] == '[')
            {
                depth++;
            }
            else if (text[i] == ']' && --depth == 0)
            {
                return i;
            }
        }

        return text.Length - 1;
    }
}
