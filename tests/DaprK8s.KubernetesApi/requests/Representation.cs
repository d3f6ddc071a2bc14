using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Printing;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>The form that a client wants objects in: whole, their metadata only, or as rows of a table.</summary>
internal sealed class Representation
{
    private enum Form
    {
        Whole,
        Metadata,
        Table,
    }

    private readonly Form form;
    private readonly string includeObject;

    private Representation(Form form, string includeObject) => (this.form, this.includeObject) = (form, includeObject);

    /// <summary>Chooses by the first media type of <c>Accept</c> that can be served.</summary>
    public static Representation For(string? accept, string? includeObject = null)
    {
        foreach (var choice in (accept ?? "").Split(','))
        {
            if (choice.Contains("as=PartialObjectMetadata", StringComparison.Ordinal))
            {
                return new Representation(Form.Metadata, "");
            }

            if (choice.Contains("as=Table", StringComparison.Ordinal) && choice.Contains("v=v1;", StringComparison.Ordinal))
            {
                return new Representation(Form.Table, includeObject is { Length: > 0 } ? includeObject : "Metadata");
            }

            if (!choice.Contains(";as=", StringComparison.Ordinal))
            {
                break;
            }
        }

        return new Representation(Form.Whole, "");
    }

    /// <param name="withColumns">A table tells its columns; those of a watch do so once.</param>
    public JsonObject Of(StoredObject stored, bool withColumns = true)
    {
        switch (form)
        {
            case Form.Metadata:
                return new JsonObject
                {
                    ["kind"] = "PartialObjectMetadata",
                    ["apiVersion"] = "meta.k8s.io/v1",
                    ["metadata"] = stored.ToNode()["metadata"]!.DeepClone(),
                };
            case Form.Table:
                var table = Tables.Of(stored.Type, [stored], new JsonObject { ["resourceVersion"] = stored.Text("metadata", "resourceVersion") }, includeObject);
                if (!withColumns)
                {
                    table["columnDefinitions"] = null;
                }

                return table;
            default:
                return stored.ToNode();
        }
    }

    public JsonObject ListOf(ResourceType type, IEnumerable<StoredObject> items, JsonObject metadata)
        => form == Form.Table
            ? Tables.Of(type, items, metadata, includeObject)
            : new JsonObject
            {
                ["kind"] = form == Form.Metadata ? "PartialObjectMetadataList" : type.ListKind,
                ["apiVersion"] = form == Form.Metadata ? "meta.k8s.io/v1" : type.ApiVersion,
                ["metadata"] = metadata,
                ["items"] = new JsonArray([.. items.Select(Item)]),
            };

    /// <summary>Built-in kinds leave out what the list already says.</summary>
    private JsonNode Item(StoredObject stored)
    {
        var item = Of(stored);
        if (form == Form.Whole && !stored.Type.IsCustom)
        {
            item.Remove("kind");
            item.Remove("apiVersion");
        }

        return item;
    }
}
