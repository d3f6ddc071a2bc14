using System.Text.Json.Nodes;
using DaprK8s.Chart.Tests.Rendering;
using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Chart.Tests.Cluster;

/// <summary>The chart on a test API server: installed, upgraded, rolled back, removed; from Dapr's chart and back (contract: k8s 4.1, 4.7, 4.10).</summary>
public sealed class ReleaseTests : IAsyncLifetime
{
    private const string Webhooks = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
    private const string Validation = "validatingwebhookconfigurations.admissionregistration.k8s.io";
    private const string Bundle = "Q0E=";

    private ChartCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await ChartCluster.StartAsync();

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task A_cluster_takes_every_object_of_the_chart_and_gives_them_all_back()
    {
        await cluster.ReleaseAsync("install", Repository.Chart, "--set", Objects.Charts.AllServices + ",global.ha.enabled=true");

        foreach (var rendered in Objects.Charts.Available.Objects.Where(o => o.Hook is null))
        {
            var @namespace = rendered.Find("metadata.namespace")?.GetValue<string>() ?? "";
            Assert.True(cluster.Find(Resource(rendered), rendered.Name, @namespace) is not null, $"{rendered.Kind} {rendered.Name} is not there");
        }

        Assert.Equal(7, cluster.Server.Objects.List(ChartCluster.Definitions).Count);
        Assert.Equal("24h", cluster.Read("configurations.dapr.io", "daprsystem")["spec"]!["mtls"]!["workloadCertTTL"]!.GetValue<string>());

        await cluster.Helm.RunAsync("uninstall", "dapr", "--namespace", ChartCluster.Namespace);

        Assert.All(
            Objects.Charts.Available.Objects.Where(o => o.Hook is null),
            o => Assert.Null(cluster.Find(Resource(o), o.Name, o.Find("metadata.namespace")?.GetValue<string>() ?? "")));
        Assert.Equal(7, cluster.Server.Objects.List(ChartCluster.Definitions).Count);
    }

    [Fact]
    public async Task An_upgrade_and_its_way_back_leave_alone_what_the_services_have_written()
    {
        await cluster.ReleaseAsync("install", Repository.Chart);
        ServicesHaveStarted();
        var operatorId = Id("deployments.apps", "dapr-operator");

        await cluster.ReleaseAsync("upgrade", Repository.Chart, "--set", "global.tag=next,global.ha.enabled=true");

        Assert.Equal(operatorId, Id("deployments.apps", "dapr-operator"));
        Assert.Equal("ghcr.io/daprk8s/operator:next", Image("dapr-operator"));
        Assert.Equal(3, cluster.Read("deployments.apps", "dapr-sentry")["spec"]!["replicas"]!.GetValue<int>());
        AssertServicesWritingsAreThere();

        await cluster.Helm.RunAsync("rollback", "dapr", "1", "--namespace", ChartCluster.Namespace);

        Assert.Equal(operatorId, Id("deployments.apps", "dapr-operator"));
        Assert.Equal("ghcr.io/daprk8s/operator:edge", Image("dapr-operator"));
        Assert.Null(cluster.Find("poddisruptionbudgets.policy", "dapr-sentry-budget"));
        AssertServicesWritingsAreThere();
    }

    [Fact]
    public async Task A_release_of_Dapr_becomes_ours_in_place_and_Daprs_again()
    {
        await cluster.ReleaseAsync("install", cluster.WriteChart("dapr", DaprChart.Files));
        ServicesHaveStarted(ours: false);
        cluster.Server.Objects.Put("""{"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"old","namespace":"default"},"spec":{"type":"state.redis","version":"v1","metadata":[]}}""");
        var ids = Workloads().ToDictionary(w => w, w => Id(w.Resource, w.Name));

        await cluster.ReleaseAsync("upgrade", Repository.Chart, "--set", Objects.Charts.AllServices);

        Assert.All(ids, i => Assert.Equal(i.Value, Id(i.Key.Resource, i.Key.Name)));
        Assert.Equal("ghcr.io/daprk8s/operator:edge", Image("dapr-operator"));
        Assert.Equal("1Gi", cluster.Read("statefulsets.apps", "dapr-scheduler-server")["spec"]!["volumeClaimTemplates"]![0]!["spec"]!["resources"]!["requests"]!["storage"]!.GetValue<string>());
        Assert.Equal("Fail", Webhook()["failurePolicy"]!.GetValue<string>());
        Assert.NotNull(Webhook()["matchConditions"]);
        Assert.NotNull(cluster.Find(Validation, "dapr-operator-validation", ""));
        Assert.NotNull(cluster.Read(ChartCluster.Definitions, "components.dapr.io", "")["spec"]!["versions"]![0]!["subresources"]?["status"]);
        Assert.Equal(7, cluster.Server.Objects.List(ChartCluster.Definitions).Count);
        Assert.NotNull(cluster.Find("components.dapr.io", "old", "default"));
        AssertServicesWritingsAreThere(ours: false);

        await cluster.Helm.RunAsync("rollback", "dapr", "1", "--namespace", ChartCluster.Namespace);

        Assert.All(ids, i => Assert.Equal(i.Value, Id(i.Key.Resource, i.Key.Name)));
        Assert.Equal("ghcr.io/dapr/operator:1.16.0", Image("dapr-operator"));
        Assert.Equal("Ignore", Webhook()["failurePolicy"]!.GetValue<string>());
        Assert.Null(Webhook()["matchConditions"]);
        Assert.Null(cluster.Find(Validation, "dapr-operator-validation", ""));
        Assert.NotNull(cluster.Find("components.dapr.io", "old", "default"));
        AssertServicesWritingsAreThere(ours: false);
    }

    [Fact]
    public async Task An_upgrade_brings_definitions_up_to_date_and_keeps_the_CA_bundle_in_them()
    {
        await cluster.ReleaseAsync("install", Repository.Chart);
        ServicesHaveStarted();
        cluster.Server.Objects.Delete(ChartCluster.Definitions, "", "mcpservers.dapr.io");
        cluster.Server.Objects.Change(ChartCluster.Definitions, "", "resiliencies.dapr.io", d => d["spec"]!["versions"]![0]!.AsObject().Remove("additionalPrinterColumns"));

        await cluster.ReleaseAsync("upgrade", Repository.Chart);

        Assert.NotNull(cluster.Find(ChartCluster.Definitions, "mcpservers.dapr.io", ""));
        Assert.NotNull(cluster.Read(ChartCluster.Definitions, "resiliencies.dapr.io", "")["spec"]!["versions"]![0]!["additionalPrinterColumns"]);
        var client = Conversion();
        Assert.Equal(Bundle, client["caBundle"]!.GetValue<string>());
        Assert.Equal(ChartCluster.Namespace, client["service"]!["namespace"]!.GetValue<string>());
        Assert.Null(cluster.Find("jobs.batch", "dapr-crds"));
        Assert.Null(cluster.Find("clusterroles.rbac.authorization.k8s.io", "dapr-crds", ""));
    }

    [Fact]
    public async Task An_upgrade_whose_definitions_are_refused_stops_before_anything_else_changes()
    {
        await cluster.ReleaseAsync("install", Repository.Chart);
        cluster.Server.Access.Deny("patch", ChartCluster.Definitions);

        var failed = await cluster.Helm.TryRunAsync(null, "upgrade", "dapr", Repository.Chart, "--namespace", ChartCluster.Namespace, "--set", "global.tag=next");

        Assert.NotEqual(0, failed.ExitCode);
        Assert.Contains("pre-upgrade hooks failed", failed.Error);
        Assert.Equal("ghcr.io/daprk8s/operator:edge", Image("dapr-operator"));
        Assert.NotNull(cluster.Find("jobs.batch", "dapr-crds"));
    }

    [Fact]
    public async Task The_authority_that_sentry_has_made_is_replaced_by_force_only()
    {
        string[] own = ["--set", "dapr_sentry.tls.root.certPEM=a,dapr_sentry.tls.issuer.certPEM=b,dapr_sentry.tls.issuer.keyPEM=c"];
        await cluster.ReleaseAsync("install", Repository.Chart);
        using (var client = cluster.ClientOf("dapr-sentry"))
        {
            var bundle = cluster.Read("secrets", "dapr-trust-bundle");
            bundle["data"] = new JsonObject { ["ca.crt"] = Bundle, ["issuer.crt"] = Bundle, ["issuer.key"] = "a2V5" };
            await client.UpdateAsync(ApiResources.Secrets, ChartCluster.Namespace, "dapr-trust-bundle", bundle, TestContext.Current.CancellationToken);
        }

        var refused = await cluster.Helm.TryRunAsync(null, ["upgrade", "dapr", Repository.Chart, "--namespace", ChartCluster.Namespace, .. own]);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("conflict", refused.Error);
        Assert.Equal("a2V5", cluster.Read("secrets", "dapr-trust-bundle")["data"]!["issuer.key"]!.GetValue<string>());

        await cluster.ReleaseAsync("upgrade", Repository.Chart, [.. own, "--force-conflicts"]);

        Assert.Equal("Yw==", cluster.Read("secrets", "dapr-trust-bundle")["data"]!["issuer.key"]!.GetValue<string>());
        Assert.Equal("a", cluster.Read("configmaps", "dapr-trust-bundle")["data"]!["ca.crt"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_job_may_touch_the_seven_definitions_only()
    {
        await cluster.ReleaseAsync("install", Repository.Chart);
        var role = Helm.Template()["ClusterRole", "dapr-crds"].Json;
        cluster.Server.Objects.Put(role);
        cluster.Server.Objects.Put(Helm.Template()["ClusterRoleBinding", "dapr-crds"].Json);
        cluster.Server.Objects.Put(Helm.Template()["ServiceAccount", "dapr-crds"].Json);
        using var client = cluster.ClientOf("dapr-crds");

        var other = JsonNode.Parse("""{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"others.example.com"}}""")!;
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => client.PatchAsync(
            ApiResources.CustomResourceDefinitions, null, "others.example.com", PatchKind.Apply, other, TestContext.Current.CancellationToken, "test"));

        Assert.Equal(System.Net.HttpStatusCode.Forbidden, refused.StatusCode);
        await Assert.ThrowsAsync<KubernetesException>(() => client.GetAsync(ApiResources.Secrets, ChartCluster.Namespace, "dapr-trust-bundle", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("v1.34.0", true)]
    [InlineData("v1.27.0", false)]
    public async Task Only_pods_that_ask_for_a_sidecar_wait_for_the_injector(string version, bool isSelective)
    {
        await using var own = await ChartCluster.StartAsync(version);
        await own.ReleaseAsync("install", Repository.Chart);

        Assert.Equal(isSelective, await IsRefusedAsync(own, "true"));
        Assert.Equal(isSelective, await IsRefusedAsync(own, "TRUE"));
        Assert.False(await IsRefusedAsync(own, "yes"));
        Assert.False(await IsRefusedAsync(own, null));
    }

    private static async Task<bool> IsRefusedAsync(ChartCluster cluster, string? enabled)
    {
        var name = $"app-{Guid.NewGuid():N}";
        var pod = JsonNode.Parse("""{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"default"},"spec":{"containers":[{"name":"app","image":"app"}]}}""")!.AsObject();
        pod["metadata"]!["name"] = name;
        if (enabled is not null)
        {
            pod["metadata"]!["annotations"] = new JsonObject { ["dapr.io/enabled"] = enabled };
        }

        var problem = await Record.ExceptionAsync(() => cluster.Server.Objects.CreateAsAsync(pod, "system:admin", TestContext.Current.CancellationToken));

        Assert.Equal(problem is not null, cluster.Find("pods", name, "default") is null);
        if (problem is not null)
        {
            Assert.Contains("sidecar-injector.dapr.io", problem.Message);
        }

        return problem is not null;
    }

    private static string Resource(RenderedObject o) => o.Kind switch
    {
        "Deployment" => "deployments.apps",
        "StatefulSet" => "statefulsets.apps",
        "ClusterRole" or "ClusterRoleBinding" or "Role" or "RoleBinding" => $"{o.Kind.ToLowerInvariant()}s.rbac.authorization.k8s.io",
        "MutatingWebhookConfiguration" => Webhooks,
        "ValidatingWebhookConfiguration" => Validation,
        "PodDisruptionBudget" => "poddisruptionbudgets.policy",
        "Configuration" => "configurations.dapr.io",
        _ => $"{o.Kind.ToLowerInvariant()}s",
    };

    private static IEnumerable<(string Resource, string Name)> Workloads()
        => Objects.Charts.Workloads.Select(w => ($"{w.Kind.ToLowerInvariant()}s.apps", w.Name));

    private string Id(string resource, string name) => cluster.Read(resource, name)["metadata"]!["uid"]!.GetValue<string>();

    private string Image(string name) => cluster.Read("deployments.apps", name)["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]!.GetValue<string>();

    private JsonNode Webhook() => cluster.Read(Webhooks, "dapr-sidecar-injector", "")["webhooks"]![0]!;

    private JsonNode Conversion() => cluster.Read(ChartCluster.Definitions, "subscriptions.dapr.io", "")["spec"]!["conversion"]!["webhook"]!["clientConfig"]!;

    /// <summary>Writes what sentry, injector and operator write when they start.</summary>
    private void ServicesHaveStarted(bool ours = true)
    {
        cluster.Server.Objects.Change("secrets", ChartCluster.Namespace, "dapr-trust-bundle", s => s["data"] = new JsonObject { ["ca.crt"] = Bundle, ["issuer.key"] = "a2V5" });
        cluster.Server.Objects.Change("configmaps", ChartCluster.Namespace, "dapr-trust-bundle", s => s["data"] = new JsonObject { ["ca.crt"] = "CA" });
        cluster.Server.Objects.Change(Webhooks, "", "dapr-sidecar-injector", w => w["webhooks"]![0]!["clientConfig"]!["caBundle"] = Bundle);
        if (ours)
        {
            cluster.Server.Objects.Change(Validation, "", "dapr-operator-validation", w => w["webhooks"]![0]!["clientConfig"]!["caBundle"] = Bundle);
            cluster.Server.Objects.Change(ChartCluster.Definitions, "", "subscriptions.dapr.io", d =>
            {
                d["spec"]!["conversion"]!["webhook"]!["clientConfig"]!["caBundle"] = Bundle;
                d["spec"]!["conversion"]!["webhook"]!["clientConfig"]!["service"]!["namespace"] = ChartCluster.Namespace;
            });
        }
    }

    private void AssertServicesWritingsAreThere(bool ours = true)
    {
        Assert.Equal("a2V5", cluster.Read("secrets", "dapr-trust-bundle")["data"]!["issuer.key"]!.GetValue<string>());
        Assert.Equal("CA", cluster.Read("configmaps", "dapr-trust-bundle")["data"]!["ca.crt"]!.GetValue<string>());
        Assert.Equal(Bundle, Webhook()["clientConfig"]!["caBundle"]!.GetValue<string>());
        if (ours)
        {
            Assert.Equal(Bundle, cluster.Read(Validation, "dapr-operator-validation", "")["webhooks"]![0]!["clientConfig"]!["caBundle"]!.GetValue<string>());
            Assert.Equal(Bundle, Conversion()["caBundle"]!.GetValue<string>());
        }
    }
}
