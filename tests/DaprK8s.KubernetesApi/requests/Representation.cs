using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>The form that a client wants objects in: whole, or their metadata only.</summary>
internal sealed class Representation
{
    private readonly bool metadataOnly;

    private Representation(bool metadataOnly) => this.metadataOnly = metadataOnly;

    /// <summary>Chooses by the first media type of <c>Accept</c> that can be served.</summary>
    public static Representation For(string? accept)
    {
        foreach (var choice in (accept ?? "").Split(','))
        {
            if (choice.Contains("as=PartialObjectMetadata", StringComparison.Ordinal))
            {
                return new Representation(true);
            }

            if (!choice.Contains(";as=", StringComparison.Ordinal))
            {
                break;
            }
        }

        return new Representation(false);
    }

    public JsonObject Of(StoredObject stored)
    {
        var whole = stored.ToNode();
        return metadataOnly
            ? new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = whole["metadata"]!.DeepClone() }
            : whole;
    }

    public JsonObject ListOf(Kinds.ResourceType type, IEnumerable<StoredObject> items, JsonObject metadata) => new()
    {
        ["kind"] = metadataOnly ? "PartialObjectMetadataList" : type.Kind + "List",
        ["apiVersion"] = metadataOnly ? "meta.k8s.io/v1" : type.ApiVersion,
        ["metadata"] = metadata,
        ["items"] = new JsonArray([.. items.Select(Item)]),
    };

    /// <summary>Built-in kinds leave out what the list already says.</summary>
    private JsonNode Item(StoredObject stored)
    {
        var item = Of(stored);
        if (!metadataOnly && !stored.Type.Group.Contains('.', StringComparison.Ordinal))
        {
            item.Remove("kind");
            item.Remove("apiVersion");
        }

        return item;
    }
}
