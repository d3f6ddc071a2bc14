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

    /// <summary>Makes the document of an object. What the object is stands in it only where the API server said so (contract: k8s 2.9).</summary>
    public static JsonObject Create(ResourceKind kind, JsonElement json)
    {
        var document = SidecarDocument.From(kind.Name, JsonObject.Create(json)!);
        document["apiVersion"] = kind.ApiVersion;
        if (!json.TryGetProperty("kind", out _))
        {
            document.Remove("kind");
            document.Remove("apiVersion");
        }

        if (document["metadata"]?["annotations"] is JsonObject annotations)
        {
            annotations.Remove(LastApplied);
        }

        return document;
    }

    /// <summary>The document of a list, in which each says what it is (contract: k8s 1.10).</summary>
    public static byte[] OfList(ResourceKind kind, byte[] document)
    {
        // Written above without white space, and with the kind, if any, in front.
        if (document.AsSpan().StartsWith("{\"kind\""u8))
        {
            return document;
        }

        var json = JsonNode.Parse(document)!.AsObject();
        json["kind"] = kind.Name;
        json["apiVersion"] = kind.ApiVersion;
        return Write(json);
    }

    /// <summary>The document as UTF-8.</summary>
    public static byte[] Write(JsonObject document) => JsonSerializer.SerializeToUtf8Bytes(document, DocumentJson.Default.JsonObject);
}

[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class DocumentJson : JsonSerializerContext;
