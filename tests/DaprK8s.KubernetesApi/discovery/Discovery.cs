using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Discovery;

/// <summary>What a client finds out first: the groups, their versions, the kinds in them and what can be done with each.</summary>
internal sealed class Discovery(ResourceTypes types)
{
    public const string AggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    public const string AggregatedBetaType = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

    private static readonly string[] Order =
    [
        "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch", "networking.k8s.io", "policy",
        "rbac.authorization.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io",
        "coordination.k8s.io", "node.k8s.io", "discovery.k8s.io",
    ];

    private static readonly string[] AllVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly string[] StatusVerbs = ["get", "patch", "update"];

    /// <summary>The answer for a path; nothing when it is not about discovery.</summary>
    public (JsonObject Body, string ContentType)? Answer(string path, string accept, Uri address)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var aggregated = accept.Contains("v=v2;as=APIGroupDiscoveryList", StringComparison.Ordinal) ? AggregatedType
            : accept.Contains("v=v2beta1;as=APIGroupDiscoveryList", StringComparison.Ordinal) ? AggregatedBetaType
            : null;
        return parts switch
        {
            ["api"] when aggregated is not null => (Aggregated([""], aggregated), aggregated),
            ["apis"] when aggregated is not null => (Aggregated(Groups(), aggregated), aggregated),
            ["api"] => (Versions(address), "application/json"),
            ["apis"] => (new JsonObject
            {
                ["kind"] = "APIGroupList",
                ["apiVersion"] = "v1",
                ["groups"] = new JsonArray([.. Groups().Select(Group)]),
            }, "application/json"),
            ["apis", var group] when Groups().Contains(group) => (Named(Group(group), "APIGroup"), "application/json"),
            ["api", "v1"] => (Resources("", "v1"), "application/json"),
            ["apis", var group, var version] when Served().Any(t => t.Group == group && t.Version == version) => (Resources(group, version), "application/json"),
            _ => null,
        };
    }

    private IEnumerable<ResourceType> Served() => types.All.Concat(ApiRequest.Questions);

    private List<string> Groups()
        => [.. Served().Select(t => t.Group).Where(g => g.Length > 0).Distinct()
            .OrderBy(g => Array.IndexOf(Order, g) is >= 0 and var at ? at : Order.Length).ThenBy(g => g, StringComparer.Ordinal)];

    private IEnumerable<string> VersionsOf(string group)
        => Served().Where(t => t.Group == group).Select(t => t.Version).Distinct().OrderBy(Priority).ThenByDescending(v => v, StringComparer.Ordinal);

    /// <summary>Stable versions first, then betas, then alphas; the higher before the lower.</summary>
    private static int Priority(string version)
        => version.Contains("alpha", StringComparison.Ordinal) ? 2 : version.Contains("beta", StringComparison.Ordinal) ? 1 : 0;

    private static JsonObject Versions(Uri address) => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = address.Authority }),
    };

    private JsonObject Group(string group)
    {
        var versions = VersionsOf(group).Select(v => new JsonObject { ["groupVersion"] = $"{group}/{v}", ["version"] = v }).ToArray();
        return new JsonObject
        {
            ["name"] = group,
            ["versions"] = new JsonArray([.. versions]),
            ["preferredVersion"] = versions[0].DeepClone(),
        };
    }

    private static JsonObject Named(JsonObject body, string kind)
    {
        body.Insert(0, "kind", kind);
        body.Insert(1, "apiVersion", "v1");
        return body;
    }

    private JsonObject Resources(string group, string version)
    {
        var list = new JsonArray();
        foreach (var type in Served().Where(t => t.Group == group && t.Version == version).OrderBy(t => t.Plural, StringComparer.Ordinal))
        {
            list.Add(Resource(type, type.Plural, type.Kind, VerbsOf(type), true));
            foreach (var (name, kind, verbs, _) in Subresources(type))
            {
                list.Add(Resource(type, $"{type.Plural}/{name}", kind.Kind, verbs, false, kind));
            }
        }

        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = list,
        };
    }

    private static JsonObject Resource(ResourceType type, string name, string kind, string[] verbs, bool whole, (string Group, string Version, string Kind)? other = null)
    {
        var resource = new JsonObject
        {
            ["name"] = name,
            ["singularName"] = whole ? type.Singular : "",
            ["namespaced"] = type.Namespaced,
            ["kind"] = kind,
            ["verbs"] = Texts(verbs),
        };
        if (other is { } foreign && (foreign.Group != type.Group || foreign.Version != type.Version))
        {
            resource["group"] = foreign.Group;
            resource["version"] = foreign.Version;
        }

        if (whole && type.ShortNames.Count > 0)
        {
            resource["shortNames"] = Texts(type.ShortNames);
        }

        if (whole && type.Categories.Count > 0)
        {
            resource["categories"] = Texts(type.Categories);
        }

        return resource;
    }

    private JsonObject Aggregated(IReadOnlyList<string> groups, string form) => new()
    {
        ["kind"] = "APIGroupDiscoveryList",
        ["apiVersion"] = form == AggregatedType ? "apidiscovery.k8s.io/v2" : "apidiscovery.k8s.io/v2beta1",
        ["metadata"] = new JsonObject(),
        ["items"] = new JsonArray([.. groups.Select(group => new JsonObject
        {
            ["metadata"] = group.Length == 0 ? new JsonObject { ["creationTimestamp"] = null } : new JsonObject { ["name"] = group, ["creationTimestamp"] = null },
            ["versions"] = new JsonArray([.. VersionsOf(group).Select(version => new JsonObject
            {
                ["version"] = version,
                ["freshness"] = "Current",
                ["resources"] = new JsonArray([.. Served().Where(t => t.Group == group && t.Version == version).OrderBy(t => t.Plural, StringComparer.Ordinal).Select(Described)]),
            })]),
        })]),
    };

    private static JsonObject Described(ResourceType type)
    {
        var resource = new JsonObject
        {
            ["resource"] = type.Plural,
            ["responseKind"] = KindOf(type.Group, type.Version, type.Kind),
            ["scope"] = type.Namespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = type.Singular,
            ["verbs"] = Texts(VerbsOf(type)),
        };
        if (type.ShortNames.Count > 0)
        {
            resource["shortNames"] = Texts(type.ShortNames);
        }

        if (type.Categories.Count > 0)
        {
            resource["categories"] = Texts(type.Categories);
        }

        var subresources = new JsonArray([.. Subresources(type).Select(s => new JsonObject
        {
            ["subresource"] = s.Name, ["responseKind"] = KindOf(s.Kind.Group, s.Kind.Version, s.Kind.Kind), ["verbs"] = Texts(s.Verbs),
        })]);
        if (subresources.Count > 0)
        {
            resource["subresources"] = subresources;
        }

        return resource;
    }

    private static IEnumerable<(string Name, (string Group, string Version, string Kind) Kind, string[] Verbs, bool IsOwn)> Subresources(ResourceType type)
    {
        if (type.HasStatus)
        {
            yield return ("status", (type.Group, type.Version, type.Kind), StatusVerbs, true);
        }

        if (type.Scale is not null)
        {
            yield return ("scale", ("autoscaling", "v1", "Scale"), StatusVerbs, false);
        }

        foreach (var name in type.Subresources)
        {
            yield return name switch
            {
                "token" => (name, ("authentication.k8s.io", "v1", "TokenRequest"), ["create"], false),
                "eviction" => (name, ("policy", "v1", "Eviction"), ["create"], false),
                "log" => (name, ("", "v1", "Pod"), ["get"], false),
                "binding" => (name, ("", "v1", "Binding"), ["create"], false),
                "proxy" => (name, ("", "v1", type.Kind + "ProxyOptions"), ["create", "delete", "get", "patch", "update"], false),
                _ => (name, (type.Group, type.Version, type.Kind), ["update"], true),
            };
        }
    }

    private static string[] VerbsOf(ResourceType type) => ApiRequest.Questions.Contains(type) ? ["create"] : AllVerbs;

    private static JsonObject KindOf(string group, string version, string kind) => new() { ["group"] = group, ["version"] = version, ["kind"] = kind };

    private static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(t => JsonValue.Create(t))];
}
