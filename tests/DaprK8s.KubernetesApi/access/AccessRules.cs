using System.Collections.Concurrent;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Access;

/// <summary>
/// Role-based access. A user without rules may do everything; one with rules only what they allow; denials go before both. The
/// administrator is never refused.
/// </summary>
public sealed class AccessRules
{
    private readonly ConcurrentDictionary<(string Verb, string Resource), bool> denied = new();
    private readonly ConcurrentDictionary<string, Role> roles = new();

    private readonly RoleBasedAccess stored;

    internal AccessRules(RoleBasedAccess stored) => this.stored = stored;

    /// <summary>Whether the stored roles and bindings decide, for every user whose rules no test has set.</summary>
    public bool UsesStoredRoles { get; set; }

    /// <summary>Refuses a verb on a resource to everybody, from now on.</summary>
    /// <param name="verb">For example <c>list</c>.</param>
    /// <param name="resource">For example <c>pods</c> or <c>configurations.dapr.io</c>.</param>
    public void Deny(string verb, string resource) => denied[(verb, resource)] = true;

    /// <summary>Takes a denial back.</summary>
    public void Permit(string verb, string resource) => denied.TryRemove((verb, resource), out _);

    internal bool Allows(ApiRequest request, Caller caller)
    {
        if (caller.Username == Tokens.Administrator)
        {
            return true;
        }

        if (denied.ContainsKey((request.Verb, request.Resource)))
        {
            return false;
        }

        if (roles.TryGetValue(caller.Username, out var role))
        {
            return role.Allows(request);
        }

        var resource = request.Subresource.Length == 0 ? request.Plural : $"{request.Plural}/{request.Subresource}";
        return !UsesStoredRoles || stored.Allows(caller, request.Verb, request.Group, resource, request.Namespace, request.RuleName);
    }

    internal bool AllowsPath(Caller caller, string verb, string path) => !UsesStoredRoles || stored.AllowsPath(caller, verb, path);

    internal IEnumerable<System.Text.Json.Nodes.JsonObject> RulesOf(Caller caller, string? @namespace) => stored.RulesOf(caller, @namespace);

    /// <summary>Gives a user rules: from now on it may do only what they allow.</summary>
    public Role Restrict(string user) => roles.GetOrAdd(user, static _ => new Role());

    internal void Check(ApiRequest request, Caller caller)
    {
        if (!Allows(request, caller))
        {
            var user = caller.Username;
            var plural = request.Resource.Split('.', 2);
            var place = request.Namespace is { } ns ? $"in the namespace \"{ns}\"" : "at the cluster scope";
            var resource = request.Subresource.Length == 0 ? plural[0] : $"{plural[0]}/{request.Subresource}";
            var named = request.Name.Length > 0 ? $" \"{request.Name}\"" : "";
            throw new ApiException(
                403,
                "Forbidden",
                $"{request.Resource}{named} is forbidden: User \"{user}\" cannot {request.Verb} resource \"{resource}\" in API group \"{plural.ElementAtOrDefault(1)}\" {place}",
                new System.Text.Json.Nodes.JsonObject { ["name"] = request.Name, ["group"] = plural.ElementAtOrDefault(1) ?? "", ["kind"] = plural[0] });
        }
    }
}

/// <summary>What one user may do.</summary>
public sealed class Role
{
    private readonly ConcurrentQueue<Rule> rules = new();

    internal Role()
    {
    }

    /// <summary>Adds a rule.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="verbs">Verbs, separated by commas.</param>
    /// <param name="namespace">Only there; everywhere when absent.</param>
    /// <param name="name">Only the object of this name; lists and watches must then select it by <c>metadata.name</c>.</param>
    public Role Allow(string resource, string verbs, string? @namespace = null, string? name = null)
    {
        rules.Enqueue(new Rule(resource, verbs.Split(',', StringSplitOptions.TrimEntries), @namespace, name));
        return this;
    }

    internal bool Allows(ApiRequest request) => rules.Any(r =>
        r.Resource == (request.Subresource.Length == 0 ? request.Resource : $"{request.Resource}/{request.Subresource}")
        && r.Verbs.Contains(request.Verb)
        && (r.Namespace is null || r.Namespace == request.Namespace)
        && (r.Name is null || r.Name == request.RuleName));

    private sealed record Rule(string Resource, string[] Verbs, string? Namespace, string? Name);
}
