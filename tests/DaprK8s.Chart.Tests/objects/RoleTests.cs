using System.Text.Json.Nodes;
using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Who may do what (contract: k8s 4.8).</summary>
public sealed class RoleTests
{
    private const string OperatorRules = """
        apiextensions.k8s.io/customresourcedefinitions: get patch
        apps/deployments: get list watch
        apps/deployments/finalizers: get list update watch
        apps/statefulsets: get list watch
        apps/statefulsets/finalizers: get list update watch
        /pods: delete get list watch
        /services: create delete get list update watch
        /services/finalizers: create get list update watch
        /secrets: get list watch
        dapr.io/components: get list watch
        dapr.io/configurations: get list watch
        dapr.io/subscriptions: get list watch
        dapr.io/resiliencies: get list watch
        dapr.io/httpendpoints: get list watch
        dapr.io/mcpservers: get list watch
        dapr.io/workflowaccesspolicies: get list watch
        dapr.io/components/status: patch
        dapr.io/configurations/status: patch
        dapr.io/subscriptions/status: patch
        dapr.io/resiliencies/status: patch
        dapr.io/httpendpoints/status: patch
        dapr.io/mcpservers/status: patch
        dapr.io/workflowaccesspolicies/status: patch
        /events: create patch
        """;

    private const string OperatorOwn = """
        coordination.k8s.io/leases: create
        coordination.k8s.io/leases[operator.dapr.io]: create get list update watch
        coordination.k8s.io/leases[webhooks.dapr.io]: create get list update watch
        /configmaps: create
        /configmaps[operator.dapr.io]: create get list update watch
        /configmaps[webhooks.dapr.io]: create get list update watch
        """;

    private const string SentryOwn = """
        /secrets[dapr-trust-bundle]: delete get update
        /configmaps[dapr-trust-bundle]: get list update watch
        dapr.io/configurations: get list watch
        /events: create
        """;

    private const string Webhooks = "admissionregistration.k8s.io/mutatingwebhookconfigurations[dapr-sidecar-injector]: get list patch watch";

    private static readonly Rendered Namespaced = Helm.Template("--set", Charts.AllServices + ",global.rbac.namespaced=true");

    public static TheoryData<string, string, string> Roles => new()
    {
        { "ClusterRole", "dapr-operator-admin", OperatorRules },
        {
            "ClusterRole", "dapr-operator-webhooks", """
            admissionregistration.k8s.io/validatingwebhookconfigurations[dapr-operator-validation]: get list patch watch
            apiextensions.k8s.io/customresourcedefinitions[subscriptions.dapr.io]: get list patch watch
            """
        },
        { "Role", "dapr-operator", OperatorOwn + "\n/events: create" },
        { "ClusterRole", "dapr-injector", "/serviceaccounts: get list\n" + Webhooks + "\ndapr.io/components: get list" },
        { "Role", "dapr-injector", "/secrets[dapr-trust-bundle]: get\ndapr.io/configurations: get\napps/statefulsets: get" },
        { "ClusterRole", "dapr-sentry", "authentication.k8s.io/tokenreviews: create\ndapr.io/configurations: get list watch\n/pods: get list watch" },
        { "Role", "dapr-sentry", SentryOwn },
        { "ClusterRole", "dapr-scheduler", "/namespaces: get list watch" },
        { "ClusterRole", "dapr-placement", "" },
        { "Role", "secret-reader", "/secrets: get" },
    };

    public static TheoryData<string, string, string> NamespacedRoles => new()
    {
        { "Role", "dapr-operator", OperatorOwn + "\n" + OperatorRules },
        { "ClusterRole", "dapr-injector", "/serviceaccounts: get list\n" + Webhooks },
        { "Role", "dapr-injector", "/secrets[dapr-trust-bundle]: get\ndapr.io/configurations: get\napps/statefulsets: get\ndapr.io/components: get list" },
        { "ClusterRole", "dapr-sentry", "authentication.k8s.io/tokenreviews: create" },
        { "Role", "dapr-sentry", SentryOwn + "\n/pods: get list watch" },
        { "Role", "dapr-scheduler", "/namespaces: get list watch" },
        { "Role", "dapr-placement", "" },
    };

    [Theory]
    [MemberData(nameof(Roles))]
    public void A_role_allows_what_its_service_needs_and_nothing_else(string kind, string name, string rules) => Check(Charts.Whole[kind, name], rules);

    [Theory]
    [MemberData(nameof(NamespacedRoles))]
    public void Namespaced_roles_allow_the_same_in_the_namespace_of_the_release_only(string kind, string name, string rules) => Check(Namespaced[kind, name], rules);

    [Fact]
    public void Namespaced_there_is_no_role_for_reading_the_whole_cluster()
        => Assert.Equal(
            ["dapr-crds", "dapr-injector", "dapr-operator-webhooks", "dapr-sentry"],
            Namespaced.Of("ClusterRole").Select(r => r.Name).Order());

    [Fact]
    public void More_is_allowed_only_for_what_is_switched_on()
    {
        var more = Helm.Template("--set", "global.argoRolloutServiceReconciler.enabled=true,global.operator.watchdogCanPatchPodLabels=true");

        var rules = Rules(more["ClusterRole", "dapr-operator-admin"]);

        Assert.Equal(
            ["/pods: delete get list patch watch", "argoproj.io/rollouts/finalizers: update", "argoproj.io/rollouts: delete get list watch"],
            rules.Except(Rules(Charts.Default["ClusterRole", "dapr-operator-admin"])).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_role_is_bound_to_the_service_account_of_the_release()
    {
        foreach (var binding in Charts.Whole.Objects.Where(o => o.Kind.EndsWith("RoleBinding", StringComparison.Ordinal) && o.Name != "dapr-secret-reader"))
        {
            var subject = binding.Find("subjects.0")!;
            Assert.NotNull(Charts.Whole.Find(binding.Text("roleRef.kind"), binding.Text("roleRef.name")));
            Assert.Equal(binding.Name, binding.Text("roleRef.name"));
            Assert.Equal(binding.Kind, binding.Text("roleRef.kind") + "Binding");
            Assert.NotNull(Charts.Whole.Find("ServiceAccount", subject["name"]!.GetValue<string>()));
            Assert.Equal("dapr-system", subject["namespace"]!.GetValue<string>());
        }

        Assert.Equal(
            Charts.Whole.Objects.Where(o => o.Kind is "Role" or "ClusterRole").Select(o => $"{o.Kind} {o.Name}").Order(),
            Charts.Whole.Objects.Where(o => o.Kind.EndsWith("RoleBinding", StringComparison.Ordinal)).Select(o => $"{o.Text("roleRef.kind")} {o.Text("roleRef.name")}").Order());
    }

    [Fact]
    public void Secrets_are_readable_for_sidecars_of_one_namespace()
    {
        var rendered = Helm.Template("--set", "dapr_rbac.secretReader.namespace=apps");

        Assert.Equal("apps", rendered["Role", "secret-reader"].Text("metadata.namespace"));
        Assert.Equal("""{"kind":"ServiceAccount","name":"default","namespace":"apps"}""", rendered["RoleBinding", "dapr-secret-reader"].Text("subjects.0"));
        Assert.Null(Helm.Template("--set", "dapr_rbac.secretReader.enabled=false").Find("Role", "secret-reader"));
    }

    private static void Check(RenderedObject role, string rules)
        => Assert.Equal(rules.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal), Rules(role).Order(StringComparer.Ordinal));

    /// <summary>A line for each resource, with all that may be done with it.</summary>
    private static IEnumerable<string> Rules(RenderedObject role)
        => from rule in role.Find("rules")!.AsArray()
           from apiGroup in Texts(rule, "apiGroups")
           from resource in Texts(rule, "resources")
           from name in Texts(rule, "resourceNames").DefaultIfEmpty("")
           from verb in Texts(rule, "verbs")
           group verb by $"{apiGroup}/{resource}{(name.Length > 0 ? $"[{name}]" : "")}" into verbs
           select $"{verbs.Key}: {string.Join(' ', verbs.Distinct().Order())}";

    private static IEnumerable<string> Texts(JsonNode? rule, string key) => (rule![key]?.AsArray() ?? []).Select(t => t!.GetValue<string>());
}
