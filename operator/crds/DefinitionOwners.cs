using System.Text.Json.Nodes;

namespace DaprK8s.Operator.Crds;

/// <summary>
/// Who the fields of a custom resource definition belong to (<c>metadata.managedFields</c>). Helm 4 applies definitions at each
/// installation, also over those that an uninstall has left, and refuses where that would change a field for which somebody else stands.
/// </summary>
internal static class DefinitionOwners
{
    /// <summary>The name under which Helm stands for what it applies.</summary>
    public const string Helm = "helm";

    /// <summary>
    /// A merge patch by which those who have written a field other than by apply no longer stand for what they wrote, so that it keeps its
    /// value and belongs to nobody.
    /// </summary>
    /// <param name="definition">As the API server gave it; the patch is refused as a conflict if it has changed since.</param>
    /// <param name="field">Only who has written in this field; everybody without one.</param>
    /// <returns>The patch; <see langword="null"/> if there is nobody.</returns>
    public static JsonObject? Release(JsonObject definition, params IEnumerable<string> field)
    {
        var entries = definition["metadata"]?["managedFields"] as JsonArray ?? [];
        var kept = entries.Where(e => !IsWriter(e, field)).Select(e => e?.DeepClone()).ToArray();

        // An API server that knows nobody any more makes up an owner of everything at the next apply.
        return kept.Length == 0 || kept.Length == entries.Count ? null : new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["resourceVersion"] = definition["metadata"]!["resourceVersion"]?.DeepClone(),
                ["managedFields"] = new JsonArray(kept),
            },
        };
    }

    private static bool IsWriter(JsonNode? entry, IEnumerable<string> field)
        => entry?["operation"]?.GetValue<string>() == "Update"
            && entry["subresource"] is null
            && field.Aggregate(entry["fieldsV1"], (fields, name) => fields?["f:" + name]) is not null;
}
