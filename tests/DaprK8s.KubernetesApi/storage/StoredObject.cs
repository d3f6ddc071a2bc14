using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>One version of an object; never changed.</summary>
internal sealed record StoredObject(ResourceType Type, string Namespace, string Name, long Revision, JsonElement Body)
{
    /// <summary>The place in a list: by namespace, then by name.</summary>
    public string Key => KeyOf(Namespace, Name);

    public static string KeyOf(string @namespace, string name) => $"{@namespace}/{name}";

    public string Uid => Text("metadata", "uid") ?? "";

    /// <summary>It is on its way out.</summary>
    public bool IsDeleting => Text("metadata", "deletionTimestamp") is not null;

    /// <summary>The uids of its owners.</summary>
    public IReadOnlyList<string> Owners()
        => Body.TryGetProperty("metadata", out var metadata) && metadata.TryGetProperty("ownerReferences", out var owners) && owners.ValueKind == JsonValueKind.Array
            ? [.. owners.EnumerateArray().Select(o => o.TryGetProperty("uid", out var uid) ? uid.GetString() ?? "" : "")]
            : [];

    /// <summary>What must happen before it can go.</summary>
    public IReadOnlyList<string> Finalizers()
        => Body.TryGetProperty("metadata", out var metadata) && metadata.TryGetProperty("finalizers", out var finalizers) && finalizers.ValueKind == JsonValueKind.Array
            ? [.. finalizers.EnumerateArray().Select(f => f.GetString() ?? "")]
            : [];

    /// <summary>A copy to work on.</summary>
    public JsonObject ToNode() => JsonObject.Create(Body)!.DeepClone().AsObject();

    public string? Text(params ReadOnlySpan<string> path)
    {
        var at = Body;
        foreach (var name in path)
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
            {
                return null;
            }
        }

        return at.ValueKind == JsonValueKind.String ? at.GetString() : at.GetRawText();
    }
}

/// <summary>One entry of the history that watches are served from.</summary>
/// <param name="Revision">When.</param>
/// <param name="Before">The object before; nothing for a new one.</param>
/// <param name="After">The object after; for a deletion its last state, with the deletion's revision.</param>
/// <param name="IsDeletion">It is gone.</param>
internal sealed record StoredChange(long Revision, StoredObject? Before, StoredObject After, bool IsDeletion);
