using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Access;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>The resources that are questions: whose is a token, who am I, may I, may somebody.</summary>
internal sealed class Reviews(Tokens tokens, AccessRules access)
{
    public JsonObject Answer(ApiRequest request, JsonObject body, Caller caller)
    {
        var review = body.DeepClone().AsObject();
        var kind = ApiRequest.Questions.First(q => q.QualifiedName == request.Resource);
        review["apiVersion"] = kind.ApiVersion;
        review["kind"] = kind.Kind;
        review["metadata"] ??= new JsonObject();
        var spec = review["spec"] as JsonObject ?? [];
        review["status"] = kind.Kind switch
        {
            "TokenReview" => tokens.Review((string?)spec["token"] ?? "", [.. (spec["audiences"] as JsonArray ?? []).Select(a => (string)a!)]),
            "SelfSubjectReview" => new JsonObject { ["userInfo"] = caller.ToJson() },
            "SelfSubjectAccessReview" => Judge(spec, caller),
            "SelfSubjectRulesReview" => Rules(spec, caller),
            _ => Judge(spec, SubjectOf(spec)),
        };
        return review;
    }

    private static Caller SubjectOf(JsonObject spec)
    {
        var subject = Caller.Of((string?)spec["user"] ?? "");
        return spec["groups"] is JsonArray groups ? subject with { Groups = [.. groups.Select(g => (string)g!)] } : subject;
    }

    private JsonObject Judge(JsonObject spec, Caller caller)
    {
        var allowed = spec["resourceAttributes"] is JsonObject asked
            ? access.Allows(RequestOf(asked), caller)
            : access.AllowsPath(caller, (string?)spec["nonResourceAttributes"]?["verb"] ?? "get", (string?)spec["nonResourceAttributes"]?["path"] ?? "");
        return new JsonObject { ["allowed"] = allowed };
    }

    private static ApiRequest RequestOf(JsonObject asked)
    {
        var (group, resource) = ((string?)asked["group"] ?? "", (string?)asked["resource"] ?? "");
        var qualified = group.Length == 0 ? resource : $"{resource}.{group}";
        var ns = (string?)asked["namespace"] is { Length: > 0 } place ? place : null;
        return new ApiRequest((string?)asked["verb"] ?? "", null, qualified, ns, (string?)asked["name"] ?? "", (string?)asked["subresource"] ?? "");
    }

    private JsonObject Rules(JsonObject spec, Caller caller)
    {
        var rules = access.RulesOf(caller, (string?)spec["namespace"] ?? "default").ToList();
        return new JsonObject
        {
            ["resourceRules"] = new JsonArray([.. rules.Where(r => r["resources"] is not null).Select(r => r.DeepClone())]),
            ["nonResourceRules"] = new JsonArray([.. rules.Where(r => r["nonResourceURLs"] is not null).Select(r => r.DeepClone())]),
            ["incomplete"] = false,
        };
    }
}
