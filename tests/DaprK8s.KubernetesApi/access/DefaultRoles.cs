using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Access;

/// <summary>The cluster roles that every cluster begins with, as far as charts refer to them.</summary>
internal static class DefaultRoles
{
    private static readonly string[] Roles =
    [
        """{"name":"cluster-admin","rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]},{"nonResourceURLs":["*"],"verbs":["*"]}]}""",
        """{"name":"system:discovery","rules":[{"nonResourceURLs":["/api","/api/*","/apis","/apis/*","/healthz","/livez","/openapi","/openapi/*","/readyz","/version","/version/"],"verbs":["get"]}]}""",
        """{"name":"system:basic-user","rules":[{"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews","selfsubjectrulesreviews"],"verbs":["create"]},{"apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"],"verbs":["create"]}]}""",
        """{"name":"system:auth-delegator","rules":[{"apiGroups":["authentication.k8s.io"],"resources":["tokenreviews"],"verbs":["create"]},{"apiGroups":["authorization.k8s.io"],"resources":["subjectaccessreviews"],"verbs":["create"]}]}""",
        """{"name":"admin","aggregate":"admin","rules":[{"apiGroups":["","apps","batch","policy","discovery.k8s.io"],"resources":["*"],"verbs":["*"]},{"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles","rolebindings"],"verbs":["*"]}]}""",
        """{"name":"edit","aggregate":"edit","rules":[{"apiGroups":["","apps","batch","policy","discovery.k8s.io"],"resources":["*"],"verbs":["create","delete","deletecollection","get","list","patch","update","watch"]}]}""",
        """{"name":"view","aggregate":"view","rules":[{"apiGroups":["","apps","batch","policy","discovery.k8s.io"],"resources":["configmaps","endpoints","events","persistentvolumeclaims","pods","pods/log","replicationcontrollers","resourcequotas","serviceaccounts","services","deployments","replicasets","statefulsets","daemonsets","jobs","cronjobs","poddisruptionbudgets","endpointslices"],"verbs":["get","list","watch"]}]}""",
    ];

    public static void Create(ObjectStore store, ResourceTypes types)
    {
        var roles = types.Named("clusterroles.rbac.authorization.k8s.io");
        foreach (var text in Roles)
        {
            var source = JsonNode.Parse(text)!;
            var name = (string)source["name"]!;
            var body = new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" } },
                ["rules"] = source["rules"]!.DeepClone(),
            };
            if ((string?)source["aggregate"] is { } aggregate)
            {
                body["aggregationRule"] = new JsonObject
                {
                    ["clusterRoleSelectors"] = new JsonArray(new JsonObject
                    {
                        ["matchLabels"] = new JsonObject { [$"rbac.authorization.k8s.io/aggregate-to-{aggregate}"] = "true" },
                    }),
                };
            }

            store.Create(roles, "", body);
        }

        var bindings = types.Named("clusterrolebindings.rbac.authorization.k8s.io");
        foreach (var (name, group) in new[] { ("cluster-admin", "system:masters"), ("system:discovery", "system:authenticated"), ("system:basic-user", "system:authenticated") })
        {
            store.Create(bindings, "", new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" } },
                ["roleRef"] = new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = "ClusterRole", ["name"] = name },
                ["subjects"] = new JsonArray(new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = "Group", ["name"] = group }),
            });
        }
    }
}
