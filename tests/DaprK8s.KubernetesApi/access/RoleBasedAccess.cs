using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Access;

/// <summary>What the stored roles and bindings allow.</summary>
internal sealed class RoleBasedAccess(ObjectStore store, ResourceTypes types)
{
    /// <param name="resource">The plural, with its subresource: <c>pods/log</c>.</param>
    public bool Allows(Caller caller, string verb, string group, string resource, string? @namespace, string name)
        => caller.Groups.Contains("system:masters") || RulesOf(caller, @namespace).Any(rule =>
            Has(rule["verbs"], verb) && Has(rule["apiGroups"], group) && HasResource(rule["resources"], resource)
            && (rule["resourceNames"] is not JsonArray { Count: > 0 } names || (name.Length > 0 && Has(names, name))));

    public bool AllowsPath(Caller caller, string verb, string path)
        => caller.Groups.Contains("system:masters") || RulesOf(caller, null).Any(rule =>
            Has(rule["verbs"], verb) && (rule["nonResourceURLs"] as JsonArray ?? []).Any(u =>
                (string?)u is { } url && (url == "*" || url == path || (url.EndsWith('*') && path.StartsWith(url[..^1], StringComparison.Ordinal)))));

    /// <summary>All rules that hold for a caller: those of the cluster, and those of the namespace.</summary>
    public IEnumerable<JsonObject> RulesOf(Caller caller, string? @namespace)
    {
        foreach (var binding in All("clusterrolebindings", null).Where(b => Binds(b, caller)))
        {
            foreach (var rule in Rules(binding, ""))
            {
                yield return rule;
            }
        }

        if (@namespace is null)
        {
            yield break;
        }

        foreach (var binding in All("rolebindings", @namespace).Where(b => Binds(b, caller)))
        {
            foreach (var rule in Rules(binding, @namespace))
            {
                yield return rule;
            }
        }
    }

    private IEnumerable<JsonObject> Rules(JsonObject binding, string @namespace)
    {
        var reference = binding["roleRef"];
        var isClusterRole = (string?)reference?["kind"] == "ClusterRole";
        var type = types.Named(isClusterRole ? "clusterroles.rbac.authorization.k8s.io" : "roles.rbac.authorization.k8s.io");
        var role = store.Find(type, isClusterRole ? "" : @namespace, (string?)reference?["name"] ?? "")?.ToNode();
        if (role is null)
        {
            return [];
        }

        var selectors = role["aggregationRule"]?["clusterRoleSelectors"] as JsonArray;
        return selectors is null
            ? RulesIn(role)
            : RulesIn(role).Concat(All("clusterroles", null)
                .Where(r => selectors.Any(s => LabelSelectors.Matches(s!.AsObject(), r["metadata"]?["labels"] as JsonObject)))
                .SelectMany(RulesIn));
    }

    private static IEnumerable<JsonObject> RulesIn(JsonObject role) => (role["rules"] as JsonArray ?? []).OfType<JsonObject>();

    private IEnumerable<JsonObject> All(string plural, string? @namespace)
        => store.List(types.Named($"{plural}.rbac.authorization.k8s.io"), @namespace).Items.Select(i => i.ToNode());

    private static bool Binds(JsonObject binding, Caller caller) => (binding["subjects"] as JsonArray ?? []).Any(s => (string?)s?["kind"] switch
    {
        "User" => (string?)s["name"] == caller.Username,
        "Group" => caller.Groups.Contains((string?)s["name"]),
        // A binding of a namespace may leave out the account's namespace only in the eyes of older clients; the server asks for it.
        "ServiceAccount" => $"system:serviceaccount:{(string?)s["namespace"]}:{(string?)s["name"]}" == caller.Username,
        _ => false,
    });

    private static bool Has(JsonNode? list, string value) => (list as JsonArray ?? []).Any(l => (string?)l == "*" || (string?)l == value);

    private static bool HasResource(JsonNode? list, string resource)
    {
        var sub = resource.Split('/', 2).ElementAtOrDefault(1);
        return (list as JsonArray ?? []).Any(l => (string?)l is { } pattern
            && (pattern == "*" || pattern == resource || (sub is not null && pattern == $"*/{sub}")));
    }
}
