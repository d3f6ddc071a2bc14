using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DaprK8s.Common.Resources;

namespace DaprK8s.Chart.Tests.Rendering;

/// <summary>What the chart renders to.</summary>
internal sealed partial class Rendered
{
    private readonly Lazy<IReadOnlyList<RenderedObject>> objects;

    public Rendered(string text)
    {
        Text = string.Join('\n', text.Split('\n').Where(l => l.Trim().Length > 0)) + "\n";
        objects = new(() => [.. Documents().Split(Text).Where(d => d.Trim().Length > 0).Select(Parse).OfType<RenderedObject>()]);
    }

    /// <summary>The whole, without empty lines.</summary>
    public string Text { get; }

    public IReadOnlyList<RenderedObject> Objects => objects.Value;

    public RenderedObject this[string kind, string name] => Find(kind, name)
        ?? throw new KeyNotFoundException($"there is no {kind} {name}, only {string.Join(", ", Objects.Select(o => $"{o.Kind} {o.Name}"))}");

    public RenderedObject? Find(string kind, string name) => Objects.SingleOrDefault(o => o.Kind == kind && o.Name == name);

    public IEnumerable<RenderedObject> Of(string kind) => Objects.Where(o => o.Kind == kind);

    /// <summary>What comes of the templates of a sub-chart.</summary>
    public string TextOf(string subChart)
        => string.Concat(Documents().Split(Text).Where(d => Source().Match(d).Groups[1].Value.StartsWith($"charts/{subChart}/", StringComparison.Ordinal)));

    private static RenderedObject? Parse(string document)
    {
        var source = Source().Match(document).Groups[1].Value;
        return YamlJson.Convert(document) is { } json ? new RenderedObject(source, (JsonObject)JsonNode.Parse(json)!) : null;
    }

    [GeneratedRegex(@"^---\n", RegexOptions.Multiline)]
    private static partial Regex Documents();

    [GeneratedRegex(@"^# Source: dapr/(\S+)", RegexOptions.Multiline)]
    private static partial Regex Source();
}
