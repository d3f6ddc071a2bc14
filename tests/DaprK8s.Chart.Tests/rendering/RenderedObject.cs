using System.Globalization;
using System.Text.Json.Nodes;

namespace DaprK8s.Chart.Tests.Rendering;

/// <summary>One object, and the template that it comes from.</summary>
internal sealed record RenderedObject(string Source, JsonObject Json)
{
    public string Kind => Text("kind");

    public string Name => Text("metadata.name");

    public string? Hook => Find("metadata.annotations")?["helm.sh/hook"]?.GetValue<string>();

    /// <summary>The main container of a workload: the last, as those of users come before it.</summary>
    public JsonNode Container => PodSpec["containers"]!.AsArray()[^1]!;

    public JsonNode PodSpec => Find("spec.template.spec")!;

    public IReadOnlyList<string> Arguments => [.. Container["args"]!.AsArray().Select(a => a!.GetValue<string>())];

    /// <summary>The variables with a value, in order, as <c>NAME=value</c>; those with a field as <c>NAME:path</c>.</summary>
    public IReadOnlyList<string> Environment =>
    [
        .. Container["env"]!.AsArray().Select(e => e!["value"] is { } value
            ? $"{e["name"]}={value.GetValue<string>()}" : $"{e["name"]}:{e["valueFrom"]!["fieldRef"]!["fieldPath"]}"),
    ];

    /// <summary>What stands at a path such as <c>spec.ports.0.name</c>; a key with dots in it can't be asked for.</summary>
    public JsonNode? Find(string path)
    {
        JsonNode? node = Json;
        foreach (var part in path.Split('.'))
        {
            node = node switch
            {
                JsonArray array => array.ElementAtOrDefault(int.Parse(part, CultureInfo.InvariantCulture)),
                JsonObject map => map[part],
                _ => null,
            };
        }

        return node;
    }

    /// <summary>The same as text, JSON unless it is a string.</summary>
    public string Text(string path) => Find(path) switch
    {
        null => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        var node => node.ToJsonString(),
    };
}
