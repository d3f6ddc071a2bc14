using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Chart.Tests.Rendering;
using DaprK8s.Common.Resources;

namespace DaprK8s.Chart.Tests.Values;

/// <summary>The chart's values with their defaults, each key as a path.</summary>
internal static class ChartValues
{
    // Before what needs it.
    private static readonly JsonSerializerOptions Relaxed
        = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>All of them, those of sub-charts under the sub-chart's name. Empty maps and lists are values too.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = Read();

    private static SortedDictionary<string, string> Read()
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Flatten("", Parse(Path.Combine(Repository.Chart, "values.yaml")), values);
        foreach (var folder in Directory.GetDirectories(Path.Combine(Repository.Chart, "charts")))
        {
            Flatten(Path.GetFileName(folder), Parse(Path.Combine(folder, "values.yaml")), values);
        }

        return values;
    }

    private static JsonNode? Parse(string file) => JsonNode.Parse(YamlJson.Convert(File.ReadAllText(file)) ?? "{}"u8.ToArray());

    private static void Flatten(string path, JsonNode? node, SortedDictionary<string, string> values)
    {
        if (node is JsonObject { Count: > 0 } map)
        {
            foreach (var (key, value) in map)
            {
                // As helm writes a key with dots in it.
                var name = key.Replace(".", "\\.", StringComparison.Ordinal);
                Flatten(path.Length == 0 ? name : $"{path}.{name}", value, values);
            }
        }
        else
        {
            values[path] = node?.ToJsonString(Relaxed) ?? "null";
        }
    }
}
