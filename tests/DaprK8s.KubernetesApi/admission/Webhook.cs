using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Expressions;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Admission;

/// <summary>A webhook of a configuration, and whether it is to be asked.</summary>
internal sealed class Webhook(JsonObject source)
{
    public string Name { get; } = (string)source["name"]!;

    public JsonObject Client { get; } = source["clientConfig"]!.AsObject();

    public bool FailsOpen { get; } = (string?)source["failurePolicy"] == "Ignore";

    public bool IsReinvoked { get; } = (string?)source["reinvocationPolicy"] == "IfNeeded";

    public bool HasSideEffects { get; } = (string?)source["sideEffects"] is not ("None" or "NoneOnDryRun");

    public TimeSpan Timeout { get; } = TimeSpan.FromSeconds((int?)source["timeoutSeconds"] ?? 10);

    /// <summary>The kind, among its versions, in which the webhook wants to see an object; nothing when it does not want to.</summary>
    public ResourceType? Selects(ApiRequest request, string operation, ResourceTypes types, JsonNode? namespaceObject, JsonObject? body, JsonObject? old)
    {
        var type = request.Type!;
        var match = HasRule(type, request.Subresource, operation) ? type : null;
        if (match is null && (string?)source["matchPolicy"] != "Exact")
        {
            match = types.All.FirstOrDefault(t => t.QualifiedName == type.QualifiedName && HasRule(t, request.Subresource, operation));
        }

        if (match is null)
        {
            return null;
        }

        if (source["namespaceSelector"] is JsonObject { Count: > 0 } places)
        {
            // An object of the cluster is in no namespace; a namespace is judged by itself.
            var labels = type.QualifiedName == "namespaces" ? (body ?? old)?["metadata"]?["labels"] : namespaceObject?["metadata"]?["labels"];
            if ((type.Namespaced || type.QualifiedName == "namespaces") && !LabelSelectors.Matches(places, labels as JsonObject))
            {
                return null;
            }
        }

        if (source["objectSelector"] is JsonObject { Count: > 0 } objects
            && !(body is not null && LabelSelectors.Matches(objects, body["metadata"]?["labels"] as JsonObject))
            && !(old is not null && LabelSelectors.Matches(objects, old["metadata"]?["labels"] as JsonObject)))
        {
            return null;
        }

        return match;
    }

    /// <summary>Whether its conditions hold.</summary>
    /// <exception cref="WebhookException">A condition can't be evaluated.</exception>
    public bool Matches(JsonObject review)
    {
        string? failure = null;
        foreach (var condition in source["matchConditions"] as JsonArray ?? [])
        {
            try
            {
                var variables = new Dictionary<string, JsonNode?>
                {
                    ["object"] = review["object"],
                    ["oldObject"] = review["oldObject"],
                    ["request"] = review,
                };
                if (Expression.Evaluate((string)condition!["expression"]!, variables) is false)
                {
                    return false;
                }
            }
            catch (ExpressionException e)
            {
                failure ??= $"matchCondition \"{(string?)condition?["name"]}\" evaluation error: {e.Message}";
            }
        }

        return failure is null ? true : throw new WebhookException(failure);
    }

    private bool HasRule(ResourceType type, string subresource, string operation)
        => (source["rules"] as JsonArray ?? []).Any(r =>
            Has(r!["operations"], operation) && Has(r["apiGroups"], type.Group) && Has(r["apiVersions"], type.Version)
            && ((string?)r["scope"] is null or "*" || (string?)r["scope"] == (type.Namespaced ? "Namespaced" : "Cluster"))
            && (r["resources"] as JsonArray ?? []).Any(x => IsResource((string?)x ?? "", type.Plural, subresource)));

    private static bool Has(JsonNode? list, string value) => (list as JsonArray ?? []).Any(l => (string?)l == "*" || (string?)l == value);

    private static bool IsResource(string pattern, string plural, string subresource)
    {
        var parts = pattern.Split('/', 2);
        return pattern == "*/*"
            || ((parts[0] == "*" || parts[0] == plural)
                && (parts.Length == 1 ? subresource.Length == 0 : parts[1] == "*" || parts[1] == subresource));
    }
}
