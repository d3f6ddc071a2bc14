using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>The test API server under <c>helm</c>: releases, waiting, hooks, definitions, tests.</summary>
public sealed class HelmTests : IAsyncLifetime
{
    private const string Deployment = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "{{ .Release.Name }}"}
        spec:
          replicas: {{ .Values.replicas }}
          selector: {matchLabels: {app: x}}
          template:
            metadata: {labels: {app: x}}
            spec:
              containers: [{name: app, image: "web:{{ .Values.tag }}", ports: [{containerPort: 80}]}]
        """;

    private const string Hook = """
        apiVersion: batch/v1
        kind: Job
        metadata:
          name: hook-{{ .Release.Revision }}
          annotations: {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": before-hook-creation}
        spec:
          template:
            spec: {restartPolicy: Never, containers: [{name: c, image: hook}]}
        """;

    private const string Check = """
        apiVersion: v1
        kind: Pod
        metadata: {name: "{{ .Release.Name }}-test", annotations: {"helm.sh/hook": test}}
        spec: {restartPolicy: Never, containers: [{name: c, image: test}]}
        """;

    private const string Definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: things.example.org}
        spec:
          group: example.org
          scope: Namespaced
          names: {plural: things, kind: Thing}
          versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}}}
        """;

    private const string Instance = """
        apiVersion: example.org/v1
        kind: Thing
        metadata: {name: one}
        spec: {a: x}
        """;

    private ToolCluster cluster = null!;
    private ContentControllers controllers = null!;
    private string chart = null!;

    private ClusterTool Helm => cluster.Helm;

    public async ValueTask InitializeAsync()
    {
        cluster = await ToolCluster.StartAsync();
        controllers = new ContentControllers(cluster.Server.Objects);
        chart = cluster.Write(
            ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\nkubeVersion: '>=1.25.0-0'\n"),
            ("chart/values.yaml", "replicas: 1\ntag: one\n"),
            ("chart/templates/deployment.yaml", Deployment),
            ("chart/templates/hook.yaml", Hook),
            ("chart/templates/thing.yaml", Instance),
            ("chart/templates/tests/check.yaml", Check),
            ("chart/crds/things.yaml", Definition));
    }

    public async ValueTask DisposeAsync()
    {
        await controllers.DisposeAsync();
        await cluster.DisposeAsync();
    }

    [Fact]
    public async Task A_release_is_installed_upgraded_rolled_back_tested_and_uninstalled()
    {
        Assert.Contains("STATUS: deployed", await Helm.RunAsync("install", "demo", chart, "-n", "apps", "--create-namespace", "--wait", "--timeout", "60s"), StringComparison.Ordinal);
        Assert.Equal("web:one", ImageOf());
        Assert.NotNull(cluster.Server.Objects.Find("things.example.org", "apps", "one"));
        Assert.NotNull(cluster.Server.Objects.Find("jobs.batch", "apps", "hook-1"));

        await Helm.RunAsync("upgrade", "demo", chart, "-n", "apps", "--set", "tag=two", "--wait", "--timeout", "60s");
        Assert.Equal("web:two", ImageOf());
        Assert.NotNull(cluster.Server.Objects.Find("jobs.batch", "apps", "hook-2"));

        await Helm.RunAsync("rollback", "demo", "1", "-n", "apps", "--wait", "--timeout", "60s");
        Assert.Equal("web:one", ImageOf());
        Assert.Contains("Phase:          Succeeded", await Helm.RunAsync("test", "demo", "-n", "apps", "--timeout", "60s"), StringComparison.Ordinal);
        Assert.Contains("\"revision\":\"3\"", (await Helm.RunAsync("list", "-n", "apps", "-o", "json")).Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("STATUS: deployed", await Helm.RunAsync("status", "demo", "-n", "apps"), StringComparison.Ordinal);

        await Helm.RunAsync("uninstall", "demo", "-n", "apps", "--wait", "--timeout", "60s");
        Assert.Null(cluster.Server.Objects.Find("deployments.apps", "apps", "demo"));
        Assert.Null(cluster.Server.Objects.Find("things.example.org", "apps", "one"));
        // Helm never deletes definitions.
        Assert.NotNull(cluster.Server.Objects.Find("customresourcedefinitions.apiextensions.k8s.io", "", "things.example.org"));
    }

    [Fact]
    public async Task An_upgrade_finds_a_field_that_somebody_else_has_taken()
    {
        await Helm.RunAsync("install", "demo", chart, "-n", "apps", "--create-namespace");
        await cluster.Kubectl.RunAsync("-n", "apps", "scale", "deploy/demo", "--replicas=5");
        var refused = await Helm.TryRunAsync(null, "upgrade", "demo", chart, "-n", "apps", "--set", "replicas=2");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("conflict with \"kubectl\"", refused.Error, StringComparison.Ordinal);
        await Helm.RunAsync("upgrade", "demo", chart, "-n", "apps", "--set", "replicas=2", "--force-conflicts");
        Assert.Equal("2", cluster.Server.Objects.Find("deployments.apps", "apps", "demo")!.Value.GetProperty("spec").GetProperty("replicas").GetRawText());
    }

    [Fact]
    public async Task A_cluster_that_is_too_old_is_refused()
    {
        cluster.Server.Version = "v1.24.9";
        var refused = await Helm.TryRunAsync(null, "install", "demo", chart);
        Assert.Contains("chart requires kubeVersion: >=1.25.0-0 which is incompatible with Kubernetes v1.24.9", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_ready_in_time_fails_the_installation()
    {
        await controllers.DisposeAsync();
        var chartWithoutHook = cluster.Write(
            ("slow/Chart.yaml", "apiVersion: v2\nname: slow\nversion: 1.0.0\n"), ("slow/values.yaml", "replicas: 1\ntag: one\n"), ("slow/templates/deployment.yaml", Deployment));
        var failed = await Helm.TryRunAsync(null, "install", "demo", chartWithoutHook, "--wait", "--timeout", "2s");
        Assert.NotEqual(0, failed.ExitCode);
        Assert.Contains("Deployment/default/demo", failed.Error, StringComparison.Ordinal);
        controllers = new ContentControllers(cluster.Server.Objects);
    }

    private string? ImageOf()
        => (string?)JsonObject.Create(cluster.Server.Objects.Find("deployments.apps", "apps", "demo")!.Value)!["spec"]!["template"]!["spec"]!["containers"]![0]!["image"];
}
