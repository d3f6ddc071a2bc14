using System.Globalization;
using System.Text.Json;

namespace DaprK8s.Cluster.Objects;

/// <summary>Reads objects as they are stored, without types for each kind: what is absent is nothing, an empty list or a default.</summary>
internal static class JsonReading
{
    public static JsonElement? At(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element.ValueKind == JsonValueKind.Null ? null : element;
    }

    /// <summary>A scalar as text.</summary>
    public static string? Text(this JsonElement element, params ReadOnlySpan<string> path)
        => element.At(path) is { } found ? found.ValueKind == JsonValueKind.String ? found.GetString() : found.GetRawText() : null;

    public static int? Number(this JsonElement element, params ReadOnlySpan<string> path)
        => int.TryParse(element.Text(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    public static bool? Flag(this JsonElement element, params ReadOnlySpan<string> path) => element.At(path)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    public static IEnumerable<JsonElement> Items(this JsonElement element, params ReadOnlySpan<string> path)
        => element.At(path) is { ValueKind: JsonValueKind.Array } found ? found.EnumerateArray() : [];

    public static IEnumerable<JsonProperty> Members(this JsonElement element, params ReadOnlySpan<string> path)
        => element.At(path) is { ValueKind: JsonValueKind.Object } found ? found.EnumerateObject() : [];

    public static string Name(this JsonElement element) => element.Text("metadata", "name") ?? "";

    public static string Namespace(this JsonElement element) => element.Text("metadata", "namespace") ?? "";

    public static string Uid(this JsonElement element) => element.Text("metadata", "uid") ?? "";

    public static bool IsBeingDeleted(this JsonElement element) => element.At("metadata", "deletionTimestamp") is not null;

    /// <summary>Whether a condition of the status is <c>True</c>.</summary>
    public static bool Is(this JsonElement element, string condition)
        => element.Items("status", "conditions").Any(c => c.Text("type") == condition && c.Text("status") == "True");

    /// <summary>The one owner that controls an object.</summary>
    public static string? ControllerUid(this JsonElement element)
    {
        foreach (var owner in element.Items("metadata", "ownerReferences"))
        {
            if (owner.Flag("controller") == true)
            {
                return owner.Text("uid");
            }
        }

        return null;
    }

    /// <summary>Whether an object has all labels of a <c>matchLabels</c> or a Service's <c>selector</c>.</summary>
    public static bool HasLabels(this JsonElement element, IEnumerable<JsonProperty> wanted)
    {
        foreach (var label in wanted)
        {
            if (element.Text("metadata", "labels", label.Name) != label.Value.GetString())
            {
                return false;
            }
        }

        return true;
    }
}
