using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Resources;

/// <summary>The document that sidecars get of an object (contract: k8s 1.10): it without what is of use to the cluster alone.</summary>
internal static class ResourceDocument
{
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>Writes an element as it is.</summary>
    public static JsonTypeInfo<JsonElement> Element => DocumentJson.Default.JsonElement;

    /// <summary>Makes the document of an object.</summary>
    public static JsonObject Create(ResourceKind kind, JsonElement json)
    {
        var document = SidecarDocument.From(kind.Name, JsonObject.Create(json)!);
        document["apiVersion"] = kind.ApiVersion;
        if (document["metadata"]?["annotations"] is JsonObject annotations)
        {
            annotations.Remove(LastApplied);
        }

        return document;
    }

    /// <summary>The document as UTF-8.</summary>
    public static byte[] Write(JsonObject document) => JsonSerializer.SerializeToUtf8Bytes(document, DocumentJson.Default.JsonObject);
}

[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class DocumentJson : JsonSerializerContext;
