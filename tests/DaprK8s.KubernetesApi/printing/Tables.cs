using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Printing;

/// <summary>Objects as the rows of a table, which is what <c>kubectl get</c> shows.</summary>
internal static class Tables
{
    private static readonly PrinterColumn NameColumn = new("Name", "string", "name", "Name must be unique within a namespace.", 0, "");

    /// <param name="includeObject"><c>Metadata</c>, <c>Object</c> or <c>None</c>.</param>
    public static JsonObject Of(ResourceType type, IEnumerable<StoredObject> items, JsonObject metadata, string includeObject)
    {
        var columns = BuiltInColumns.Of(type);
        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = metadata,
            ["columnDefinitions"] = new JsonArray([.. new[] { NameColumn }.Concat(columns.Select(c => c.Column)).Select(Definition)]),
            ["rows"] = new JsonArray([.. items.Select(i => Row(i, columns, includeObject))]),
        };
    }

    /// <summary>The time since then, as short as people say it.</summary>
    public static string Age(string? since)
    {
        if (!DateTimeOffset.TryParse(since, CultureInfo.InvariantCulture, out var then))
        {
            return "<unknown>";
        }

        var age = DateTimeOffset.UtcNow - then;
        var seconds = (long)Math.Max(0, age.TotalSeconds);
        return FormattableString.Invariant(seconds switch
        {
            < 120 => $"{seconds}s",
            < 600 when seconds % 60 > 0 => (FormattableString)$"{seconds / 60}m{seconds % 60}s",
            < 10800 => $"{seconds / 60}m",
            < 28800 when seconds / 60 % 60 > 0 => $"{seconds / 3600}h{seconds / 60 % 60}m",
            < 172800 => $"{seconds / 3600}h",
            < 691200 when seconds / 3600 % 24 > 0 => $"{seconds / 86400}d{seconds / 3600 % 24}h",
            < 63072000 => $"{seconds / 86400}d",
            _ => $"{seconds / 31536000}y{seconds % 31536000 / 86400}d",
        });
    }

    private static JsonObject Definition(PrinterColumn column) => new()
    {
        ["name"] = column.Name,
        ["type"] = column.Type,
        ["format"] = column.Format ?? "",
        ["description"] = column.Description,
        ["priority"] = column.Priority,
    };

    private static JsonObject Row(StoredObject item, IReadOnlyList<(PrinterColumn Column, Func<JsonObject, JsonNode?> Read)> columns, string includeObject)
    {
        var body = item.ToNode();
        var cells = new JsonArray(item.Name);
        foreach (var (_, read) in columns)
        {
            cells.Add(read(body));
        }

        var row = new JsonObject { ["cells"] = cells };
        switch (includeObject)
        {
            case "Object":
                row["object"] = body;
                break;
            case "None":
                break;
            default:
                row["object"] = new JsonObject
                {
                    ["kind"] = "PartialObjectMetadata",
                    ["apiVersion"] = "meta.k8s.io/v1",
                    ["metadata"] = body["metadata"]!.DeepClone(),
                };
                break;
        }

        return row;
    }

    /// <summary>What a custom resource has at the path of a column.</summary>
    public static JsonNode? Cell(JsonObject body, PrinterColumn column)
    {
        var found = JsonPath.Find(body, column.JsonPath);
        if (found.Count == 0)
        {
            return null;
        }

        return column.Type switch
        {
            "date" => JsonValue.Create(Age(found[0].GetValueKind() == JsonValueKind.String ? (string)found[0]! : null)),
            "string" when found.Count > 1 => JsonValue.Create($"[{string.Join(',', found.Select(f => f.ToJsonString()))}]"),
            "string" => JsonValue.Create(found[0].GetValueKind() == JsonValueKind.String ? (string)found[0]! : found[0].ToJsonString()),
            _ => found[0].DeepClone(),
        };
    }
}
