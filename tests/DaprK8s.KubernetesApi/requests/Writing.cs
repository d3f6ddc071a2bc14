using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Patches;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>Create, update, patch and delete.</summary>
internal sealed class Writing(ObjectStore store, ResourceTypes types)
{
    public StoredObject Create(ApiRequest request, string body)
    {
        var parsed = Parse(body);
        var type = request.Type!;
        CheckIdentity(request, parsed, null);
        if (type.Namespaced && store.Find(types.Named("namespaces"), "", request.Namespace!) is null)
        {
            throw ApiException.NotFound(types.Named("namespaces"), request.Namespace!);
        }

        if (type.HasStatus)
        {
            parsed.Remove("status");
        }

        return store.Create(type, request.Namespace ?? "", Admit(type, parsed));
    }

    public StoredObject Update(ApiRequest request, string body)
    {
        var parsed = Parse(body);
        CheckIdentity(request, parsed, request.Name);
        var expected = (string?)parsed["metadata"]?["resourceVersion"];
        if (request.Type!.UpdatesNeedVersion && string.IsNullOrEmpty(expected))
        {
            throw ApiException.Invalid(request.Type, request.Name, "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
        }

        return Replace(request, expected, _ => parsed);
    }

    public StoredObject Patch(ApiRequest request, string? contentType, string body)
    {
        var patch = ParseNode(body);
        Func<JsonObject, JsonNode?> apply = contentType?.Split(';')[0].Trim() switch
        {
            "application/merge-patch+json" => target => JsonMergePatch.Apply(target, patch),
            "application/json-patch+json" when patch is JsonArray operations => target => JsonPatch.Apply(target, operations),
            _ => throw new ApiException(415, "UnsupportedMediaType", $"the body of the request was in an unknown format: {contentType}"),
        };
        var expected = patch is JsonObject merge ? (string?)merge["metadata"]?["resourceVersion"] : null;
        return Replace(
            request,
            expected,
            current => apply(current.ToNode()) as JsonObject ?? throw ApiException.BadRequest("a patch must leave an object"));
    }

    public StoredObject Delete(ApiRequest request, string body)
        => store.Delete(request.Type!, request.Namespace ?? "", request.Name, body.Length == 0 ? null : (string?)Parse(body)["preconditions"]?["uid"]);

    /// <summary>The status is written by its subresource alone, everything else by the object alone.</summary>
    private StoredObject Replace(ApiRequest request, string? expected, Func<StoredObject, JsonObject> change)
    {
        var type = request.Type!;
        return store.Update(type, request.Namespace ?? "", request.Name, expected, current =>
        {
            var wanted = Admit(type, change(current));
            var old = current.ToNode();
            if (request.Subresource == "status")
            {
                old["status"] = wanted["status"]?.DeepClone();
                return old;
            }

            if (type.HasStatus)
            {
                wanted.Remove("status");
                if (old["status"] is { } status)
                {
                    wanted["status"] = status.DeepClone();
                }
            }

            if (wanted["metadata"] is not JsonObject)
            {
                wanted["metadata"] = new JsonObject();
            }

            return wanted;
        });
    }

    /// <summary>A Secret's plain texts become data.</summary>
    private static JsonObject Admit(ResourceType type, JsonObject body)
    {
        if (type.Kind == "Secret" && body["stringData"] is JsonObject texts)
        {
            var data = body["data"] as JsonObject ?? [];
            foreach (var (name, text) in texts)
            {
                data[name] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes((string?)text ?? ""));
            }

            body.Remove("stringData");
            body["data"] = data.Parent is null ? data : data.DeepClone();
        }

        return body;
    }

    private static void CheckIdentity(ApiRequest request, JsonObject body, string? name)
    {
        if ((string?)body["apiVersion"] is { } version && version != request.Type!.ApiVersion)
        {
            throw ApiException.BadRequest($"the API version in the data ({version}) does not match the expected API version ({request.Type.ApiVersion})");
        }

        if (name is not null && (string?)body["metadata"]?["name"] != name)
        {
            throw ApiException.BadRequest($"the name of the object ({(string?)body["metadata"]?["name"]}) does not match the name on the URL ({name})");
        }

        if ((string?)body["metadata"]?["namespace"] is { } ns && ns != request.Namespace)
        {
            throw ApiException.BadRequest($"the namespace of the provided object does not match the namespace sent on the request");
        }
    }

    private static JsonObject Parse(string body) => ParseNode(body) as JsonObject ?? throw ApiException.BadRequest("the body must be an object");

    private static JsonNode? ParseNode(string body)
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
}
