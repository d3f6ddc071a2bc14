using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Charts, files and labels (contract: k8s 4.1).</summary>
public sealed class LayoutTests
{
    private static readonly string[] SubCharts = ["dapr_config", "dapr_operator", "dapr_placement", "dapr_rbac", "dapr_scheduler", "dapr_sentry", "dapr_sidecar_injector"];

    [Fact]
    public void Helm_finds_nothing_to_complain_about()
    {
        var (code, output, error) = Helm.Run("lint", "--strict", Repository.Chart);

        Assert.True(code == 0, output + error);
    }

    [Fact]
    public void The_sub_charts_are_those_of_Dapr_and_in_step()
    {
        Assert.Equal(SubCharts, Directory.GetDirectories(Path.Combine(Repository.Chart, "charts")).Select(d => Path.GetFileName(d)).Order());
        foreach (var chart in SubCharts.Select(s => $"charts/dapr/charts/{s}/Chart.yaml").Append("charts/dapr/Chart.yaml"))
        {
            Assert.Contains("\nversion: 0.0.0\nappVersion: 0.0.0\n", Repository.Read(chart));
        }
    }

    [Theory]
    [InlineData("dapr_operator", "dapr_operator_deployment.yaml", "Deployment dapr-operator")]
    [InlineData("dapr_operator", "dapr_operator_service.yaml", "Service dapr-api, Service dapr-webhook")]
    [InlineData("dapr_operator", "dapr_operator_poddisruptionbudget.yaml", "PodDisruptionBudget dapr-operator-disruption-budget")]
    [InlineData("dapr_sentry", "dapr_sentry_deployment.yaml", "Secret dapr-trust-bundle, ConfigMap dapr-trust-bundle, Deployment dapr-sentry")]
    [InlineData("dapr_sentry", "dapr_sentry_service.yaml", "Service dapr-sentry")]
    [InlineData("dapr_sentry", "dapr_sentry_poddisruptionbudget.yaml", "PodDisruptionBudget dapr-sentry-budget")]
    [InlineData("dapr_placement", "dapr_placement_statefulset.yaml", "StatefulSet dapr-placement-server")]
    [InlineData("dapr_placement", "dapr_placement_service.yaml", "Service dapr-placement-server")]
    [InlineData("dapr_placement", "dapr_placement_poddisruptionbudget.yaml", "PodDisruptionBudget dapr-placement-server-disruption-budget")]
    [InlineData("dapr_scheduler", "dapr_scheduler_statefulset.yaml", "StatefulSet dapr-scheduler-server")]
    [InlineData("dapr_scheduler", "dapr_scheduler_service.yaml", "Service dapr-scheduler-server, Service dapr-scheduler-server-a")]
    [InlineData("dapr_scheduler", "dapr_scheduler_poddisruptionbudget.yaml", "PodDisruptionBudget dapr-scheduler-server-disruption-budget")]
    [InlineData("dapr_sidecar_injector", "dapr_sidecar_injector_deployment.yaml", "Deployment dapr-sidecar-injector")]
    [InlineData("dapr_sidecar_injector", "dapr_sidecar_injector_service.yaml", "Service dapr-sidecar-injector")]
    [InlineData("dapr_sidecar_injector", "dapr_sidecar_injector_webhook_config.yaml", "MutatingWebhookConfiguration dapr-sidecar-injector")]
    [InlineData("dapr_sidecar_injector", "dapr_sidecar_injector_poddisruptionbudget.yaml", "PodDisruptionBudget dapr-sidecar-injector-disruption-budget")]
    [InlineData("dapr_config", "dapr_default_config.yaml", "Configuration daprsystem")]
    [InlineData("dapr_rbac", "secret-reader.yaml", "Role secret-reader, RoleBinding dapr-secret-reader")]
    public void A_template_file_has_the_name_and_the_objects_that_tools_know(string chart, string file, string objects)
        => Assert.Equal(
            objects.Split(", ").Order(),
            Charts.Available.Objects.Where(o => o.Source == $"charts/{chart}/templates/{file}").Select(o => $"{o.Kind} {o.Name}").Order());

    [Theory]
    [InlineData("operator.yaml", "dapr-operator")]
    [InlineData("injector.yaml", "dapr-injector")]
    [InlineData("placement.yaml", "dapr-placement")]
    [InlineData("scheduler.yaml", "dapr-scheduler")]
    [InlineData("sentry.yaml", "dapr-sentry")]
    public void A_role_file_holds_the_service_account_that_it_is_for(string file, string account)
        => Assert.Equal($"charts/dapr_rbac/templates/{file}", Charts.Whole["ServiceAccount", account].Source);

    [Fact]
    public void There_are_seven_custom_resource_definitions_each_in_its_file()
        => Assert.Equal(
            ["components.yaml", "configuration.yaml", "httpendpoints.yaml", "mcpservers.yaml", "resiliency.yaml", "subscription.yaml", "workflowaccesspolicy.yaml"],
            Directory.GetFiles(Path.Combine(Repository.Chart, "crds")).Select(f => Path.GetFileName(f)).Order());

    [Fact]
    public void Every_object_and_every_pod_carries_the_labels()
    {
        foreach (var o in Charts.EveryGlobal.Objects)
        {
            var labels = o.Find("metadata.labels")!;
            Assert.Equal("dapr", labels["app.kubernetes.io/part-of"]?.GetValue<string>());
            Assert.Equal("dapr", labels["app.kubernetes.io/name"]!.GetValue<string>());
            Assert.Equal("1.16", labels["app.kubernetes.io/version"]!.GetValue<string>());
            Assert.Equal("Helm", labels["app.kubernetes.io/managed-by"]!.GetValue<string>());
        }

        foreach (var (kind, name) in Charts.Workloads)
        {
            var workload = Charts.EveryGlobal[kind, name];
            Assert.Equal("platform", workload.Find("spec.template.metadata.labels")!["team"]!.GetValue<string>());
            Assert.Equal($"{{\"app\":\"{name}\"}}", workload.Text("spec.selector.matchLabels"));
            Assert.Equal(name, workload.Find("spec.template.metadata.labels")!["app"]!.GetValue<string>());
        }
    }

    [Theory]
    [InlineData("", "registry.example/own:1")]
    [InlineData("dapr_operator.image.name=other", "registry.example/own/other:7")]
    [InlineData("dapr_operator.image.name=elsewhere/operator:5", "elsewhere/operator:5")]
    public void An_image_is_named_by_registry_name_and_tag_unless_its_name_has_a_slash(string set, string image)
    {
        var rendered = set.Length == 0
            ? Helm.Template("--set", "global.registry=registry.example,global.tag=1,dapr_operator.image.name=own")
            : Helm.Template("--set", $"global.registry=registry.example/own,global.tag=7,{set}");

        Assert.Equal(image, rendered["Deployment", "dapr-operator"].Container["image"]!.GetValue<string>());
    }
}
