using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.Operator.Resources;

/// <summary>Reads objects of the API server that may hold anything anywhere: what is not as expected counts as absent.</summary>
internal static class JsonText
{
    /// <summary>A member of an object; of the kind <see cref="JsonValueKind.Undefined"/> when there is none.</summary>
    public static JsonElement Member(this JsonElement from, string name)
        => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? value : default;

    /// <summary>A text, or empty.</summary>
    public static string Text(this JsonElement from) => from.ValueKind == JsonValueKind.String ? from.GetString()! : "";

    /// <summary>A member's text, or empty.</summary>
    public static string Text(this JsonElement from, string name) => from.Member(name).Text();

    /// <summary>The members that are texts; <see langword="null"/> when there are none.</summary>
    public static Dictionary<string, string>? Texts(this JsonElement from)
    {
        if (from.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        Dictionary<string, string>? texts = null;
        foreach (var member in from.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.String)
            {
                (texts ??= []).TryAdd(member.Name, member.Value.GetString()!);
            }
        }

        return texts;
    }

    /// <summary>A text, or empty.</summary>
    public static string Text(this JsonNode? from) => from is JsonValue value && value.TryGetValue(out string? text) ? text : "";

    /// <summary>The objects in an array.</summary>
    public static IEnumerable<JsonObject> Objects(this JsonNode? from) => from is JsonArray array ? array.OfType<JsonObject>() : [];

    /// <summary>A member of an object; nothing when that is none.</summary>
    public static JsonNode? Member(this JsonNode? from, string name) => from is JsonObject o && o.TryGetPropertyValue(name, out var value) ? value : null;
}
