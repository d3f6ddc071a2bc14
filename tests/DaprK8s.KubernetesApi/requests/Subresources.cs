using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Printing;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>The subresources that have a form of their own: scale, tokens of service accounts, eviction.</summary>
internal sealed class Subresources(ObjectStore store, Writing writes, Tokens tokens)
{
    /// <summary>The scale of an object.</summary>
    public static JsonObject ScaleOf(ResourceType type, StoredObject stored)
    {
        var body = stored.ToNode();
        var paths = type.Scale!;
        var scale = new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = new JsonObject
            {
                ["name"] = stored.Name,
                ["namespace"] = stored.Namespace,
                ["uid"] = stored.Uid,
                ["resourceVersion"] = stored.Text("metadata", "resourceVersion"),
                ["creationTimestamp"] = stored.Text("metadata", "creationTimestamp"),
            },
            ["spec"] = new JsonObject { ["replicas"] = Number(body, paths.Replicas) },
            ["status"] = new JsonObject { ["replicas"] = Number(body, paths.StatusReplicas) },
        };
        var selector = paths.Selector is null ? null : JsonPath.Find(body, paths.Selector).FirstOrDefault();
        if (selector is not null)
        {
            scale["status"]!["selector"] = selector is JsonObject o ? LabelSelectors.ToText(o) : (string?)selector;
        }

        return scale;
    }

    /// <summary>Sets the scale.</summary>
    public async Task<JsonObject> ScaleAsync(ApiRequest request, Func<JsonObject, JsonObject> change, WriteOptions options, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        var main = request with { Subresource = "" };
        var changed = await writes.ReplaceAsync(
            main,
            live =>
            {
                var name = (string)live["metadata"]!["name"]!;
                var now = store.Find(type, request.Namespace ?? "", name) ?? throw ApiException.NotFound(type, name);
                var wanted = change(ScaleOf(type, now));
                if ((string?)wanted["metadata"]?["resourceVersion"] is { Length: > 0 } version && version != (string?)live["metadata"]!["resourceVersion"])
                {
                    throw ApiException.Conflict(type, name);
                }

                var replicas = (int?)wanted["spec"]?["replicas"] ?? 0;
                if (replicas < 0)
                {
                    throw ApiException.Invalid(type, name, $"spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0");
                }

                JsonPath.Set(live, type.Scale!.Replicas, JsonValue.Create(replicas));
                return live;
            },
            options,
            true,
            cancellationToken);
        return ScaleOf(type, changed);
    }

    /// <summary>A token of a service account (<c>TokenRequest</c>).</summary>
    public JsonObject Token(ApiRequest request, JsonObject body)
    {
        _ = store.Find(request.Type!, request.Namespace!, request.Name) ?? throw ApiException.NotFound(request.Type!, request.Name);
        var spec = body["spec"] as JsonObject ?? [];
        var audiences = (spec["audiences"] as JsonArray ?? []).Select(a => (string)a!).ToArray();
        var life = TimeSpan.FromSeconds((long?)spec["expirationSeconds"] ?? 3600);
        if (life < TimeSpan.FromMinutes(10))
        {
            throw ApiException.Invalid(
                new ResourceType("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest"), "", "spec.expirationSeconds: Invalid value: may not specify a duration less than 10 minutes");
        }

        var token = (string?)spec["boundObjectRef"]?["kind"] == "Pod"
            ? tokens.IssueForPod(request.Namespace!, (string)spec["boundObjectRef"]!["name"]!, request.Name, life, audiences)
            : tokens.IssueForAccount(request.Namespace!, request.Name, life, audiences);
        var answer = body.DeepClone().AsObject();
        answer["kind"] = "TokenRequest";
        answer["apiVersion"] = "authentication.k8s.io/v1";
        answer["status"] = new JsonObject
        {
            ["token"] = token,
            ["expirationTimestamp"] = DateTime.UtcNow.Add(life).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        };
        return answer;
    }

    private static int Number(JsonObject body, string path)
        => JsonPath.Find(body, path).FirstOrDefault() is { } found && int.TryParse(found.ToJsonString(), out var number) ? number : 0;
}
