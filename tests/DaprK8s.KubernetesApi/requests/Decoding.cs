using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>Bodies of requests: JSON that must be an object of its kind.</summary>
internal static class Decoding
{
    public static JsonObject Parse(string body) => ParseNode(body) as JsonObject ?? throw ApiException.BadRequest("the body must be an object");

    public static JsonNode? ParseNode(string body)
    {
        try
        {
            return JsonNode.Parse(body);
        }
        catch (JsonException e)
        {
            throw ApiException.BadRequest($"the body is no JSON: {e.Message}");
        }
    }

    /// <summary>Removes fields that the kind does not have, or refuses or warns of them, as the request wants it.</summary>
    public static void Check(ResourceType type, JsonObject body, WriteOptions options)
    {
        if (type.Schema is not { } schema)
        {
            return;
        }

        if (!type.IsCustom && SchemaTyping.Mismatch(body, schema) is { } mismatch)
        {
            throw ApiException.BadRequest($"{type.Kind} in version \"{type.Version}\" cannot be handled as a {type.Kind}: {mismatch}");
        }

        if (type.IsCustom)
        {
            SchemaTyping.DropNulls(body["metadata"], ModelSchemas.Of("V1ObjectMeta"));
        }
        else
        {
            SchemaTyping.DropNulls(body, schema);
        }

        var unknown = new List<string>();
        SchemaTyping.Prune(body, schema, unknown);
        if (unknown.Count == 0 || options.FieldValidation == "Ignore")
        {
            return;
        }

        if (options.FieldValidation == "Strict")
        {
            var list = string.Join(", ", unknown.Select(u => $"unknown field \"{u}\""));
            throw ApiException.BadRequest($"{type.Kind} in version \"{type.Version}\" cannot be handled as a {type.Kind}: strict decoding error: {list}");
        }

        foreach (var field in unknown)
        {
            options.Warn($"unknown field \"{field}\"");
        }
    }
}
