using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Operator.Tests.Support;

namespace DaprK8s.Operator.Tests.Services;

/// <summary>Services for apps (contract: k8s 2.10).</summary>
public sealed class ServiceReconcilerTests
{
    [Fact]
    public async Task A_Deployment_that_asks_for_a_sidecar_gets_its_Service()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var uid = PutDeployment(cluster, "orders", []).GetProperty("metadata").GetProperty("uid").GetString();

        var service = await FindAsync(cluster, "orders-dapr");

        var metadata = service["metadata"]!;
        Assert.Equal("""{"dapr.io/enabled":"true"}""", metadata["labels"]!.ToJsonString());
        Assert.Equal(
            """{"dapr.io/app-id":"orders","prometheus.io/probe":"true","prometheus.io/scrape":"true","prometheus.io/port":"9090","prometheus.io/path":"/"}""",
            metadata["annotations"]!.ToJsonString());
        Assert.Equal(
            $$"""[{"apiVersion":"apps/v1","kind":"Deployment","name":"orders","uid":"{{uid}}","controller":true,"blockOwnerDeletion":true}]""",
            metadata["ownerReferences"]!.ToJsonString());
        Assert.Equal("None", (string?)service["spec"]!["clusterIP"]);
        Assert.Equal("""{"app":"orders"}""", service["spec"]!["selector"]!.ToJsonString());
        Assert.Equal(
            ["dapr-http 80>3500 http", "dapr-grpc 50001>50001 grpc", "dapr-internal 50002>50002 tls", "dapr-metrics 9090>9090 http"],
            service["spec"]!["ports"]!.AsArray().Select(p => $"{p!["name"]} {p["port"]}>{p["targetPort"]} {p["appProtocol"]}"));
        await Eventually.TrueAsync(async () => (await running.ScrapeAsync()).Contains("dapr_operator_service_created_total{app_id=\"orders\"} 1", StringComparison.Ordinal), "it is counted");
    }

    [Fact]
    public async Task Annotations_decide_on_ports_metrics_and_further_annotations()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Server.Objects.Change("configurations.dapr.io", OperatorCluster.ControlPlane, "daprsystem", c => c["spec"]!["mtls"]!["enabled"] = false);
        PutStatefulSet(cluster, "orders", new JsonObject
        {
            ["dapr.io/grpc-port"] = "6001", ["dapr.io/internal-grpc-port"] = "6002", ["dapr.io/metrics-port"] = "none", ["dapr.io/enable-metrics"] = "false",
            ["dapr.io/sidecar-svc-annotations"] = " team = shop ,prometheus.io/port=1,=x,alone,dapr.io/app-id=mine",
        });
        var running = await cluster.StartOperatorAsync();

        var service = await FindAsync(cluster, "orders-dapr");

        Assert.Equal("""{"dapr.io/app-id":"orders","team":"shop","prometheus.io/port":"1"}""", service["metadata"]!["annotations"]!.ToJsonString());
        Assert.Equal(
            ["80>3500 http", "6001>6001 grpc", "6002>6002 grpc", "9090>9090 http"],
            service["spec"]!["ports"]!.AsArray().Select(p => $"{p!["port"]}>{p["targetPort"]} {p["appProtocol"]}"));
        Assert.Contains(running.Told, l => l.Contains("annotation dapr.io/app-id of dapr.io/sidecar-svc-annotations is set by the operator and is ignored", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_somebody_changed_by_hand_is_put_right_and_what_is_right_is_not_written()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        PutDeployment(cluster, "orders", []);
        await FindAsync(cluster, "orders-dapr");

        cluster.Server.Objects.Change("services", "default", "orders-dapr", s =>
        {
            s["spec"]!["selector"] = new JsonObject { ["app"] = "another" };
            s["metadata"]!["labels"] = new JsonObject();
        });
        await Eventually.TrueAsync(
            () => Service(cluster, "orders-dapr") is { } s && (string?)s["spec"]!["selector"]!["app"] == "orders" && s["metadata"]!["labels"]!.AsObject().Count == 1, "it is put right");
        var writes = cluster.Server.Faults.Count("update", "services");
        await running.MetersAsync($"dapr_operator_service_created_total{{app_id=\"orders\"}} 1");
        await running.MetersAsync($"dapr_operator_service_updated_total{{app_id=\"orders\"}} {writes}");

        PutDeployment(cluster, "orders", [], replicas: 5);
        PutDeployment(cluster, "mark", []);
        await FindAsync(cluster, "mark-dapr");
        Assert.Equal(writes, cluster.Server.Faults.Count("update", "services"));

        // The cluster deletes a Service with its owner.
        cluster.Server.Objects.Delete("deployments.apps", "default", "orders");
        await Eventually.TrueAsync(() => Service(cluster, "orders-dapr") is null, "it goes with its owner");
        Assert.DoesNotContain("dapr_operator_service_deleted_total{", await running.ScrapeAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Service_that_was_deleted_comes_back()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        await cluster.StartOperatorAsync();
        PutDeployment(cluster, "orders", []);
        await FindAsync(cluster, "orders-dapr");
        cluster.Server.Objects.Delete("services", "default", "orders-dapr");
        await FindAsync(cluster, "orders-dapr");
    }

    [Fact]
    public async Task Of_two_workloads_with_one_app_id_the_last_one_has_the_Service_and_nobody_fights()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        await cluster.StartOperatorAsync();
        PutDeployment(cluster, "first", new JsonObject { ["dapr.io/app-id"] = "orders" });
        await FindAsync(cluster, "orders-dapr");
        PutDeployment(cluster, "second", new JsonObject { ["dapr.io/app-id"] = "orders" });
        await Eventually.TrueAsync(() => (string?)Service(cluster, "orders-dapr")!["metadata"]!["ownerReferences"]![0]!["name"] == "second", "the second has it");

        PutDeployment(cluster, "mark", []);
        await FindAsync(cluster, "mark-dapr");
        Assert.Equal(1, cluster.Server.Faults.Count("update", "services"));
    }

    [Fact]
    public async Task A_bad_app_id_is_told_and_no_Service_is_made_and_no_other_workload_suffers()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        PutDeployment(cluster, "bad", new JsonObject { ["dapr.io/app-id"] = "Not_Good" });
        PutDeployment(cluster, "none", new JsonObject { ["dapr.io/app-id"] = "" });
        PutDeployment(cluster, "off", new JsonObject { ["dapr.io/enabled"] = "false" });
        PutDeployment(cluster, "good", []);
        var running = await cluster.StartOperatorAsync();
        await FindAsync(cluster, "good-dapr");

        await Eventually.TrueAsync(() => running.Told.Any(l => l.Contains("invalid app id (input: 'Not_Good', service: 'Not_Good-dapr')", StringComparison.Ordinal)), "the bad one is told");
        await Eventually.TrueAsync(() => running.Told.Any(l => l.Contains("value for the dapr.io/app-id annotation is empty", StringComparison.Ordinal)), "the empty one is told");
        Assert.Single(cluster.Server.Objects.List("services"));
    }

    [Fact]
    public async Task A_missing_right_is_named_and_granting_it_is_enough()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Server.Access.Deny("create", "services");
        PutDeployment(cluster, "orders", []);
        var running = await cluster.StartOperatorAsync();
        await Eventually.TrueAsync(() => running.Told.Any(l => l.Contains("a role must allow 'create' on 'services'", StringComparison.Ordinal)), "the missing right is named");

        cluster.Server.Access.Permit("create", "services");
        await FindAsync(cluster, "orders-dapr");
    }

    [Fact]
    public async Task Five_hundred_workloads_at_once_all_get_their_Service()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        for (var i = 0; i < 500; i++)
        {
            PutDeployment(cluster, $"app-{i}", []);
        }

        await cluster.StartOperatorAsync();
        await Eventually.TrueAsync(() => cluster.Server.Objects.List("services").Count == 500, "all have one");
        Assert.Equal(500, cluster.Server.Faults.Count("create", "services"));
    }

    [Fact]
    public async Task Without_the_reconciler_there_are_no_Services()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        PutDeployment(cluster, "orders", []);
        await cluster.StartOperatorAsync("--disable-service-reconciler");
        Assert.Equal(0, cluster.Server.Faults.Count("list", "deployments.apps"));
        Assert.Empty(cluster.Server.Objects.List("services"));
    }

    [Fact]
    public async Task Rollouts_of_Argo_are_served_when_asked_for_and_may_be_missing()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync("--enable-argo-rollout-service-reconciler");
        await Eventually.TrueAsync(() => running.Told.Any(l => l.StartsWith("CRD for argoproj.io/v1alpha1/Rollout not found, skipping informer", StringComparison.Ordinal)), "it is told that Argo is missing");
        PutDeployment(cluster, "orders", []);
        await FindAsync(cluster, "orders-dapr");
        await running.StopAsync();

        cluster.Server.Types.Serve(new KubernetesApi.Kinds.ResourceType("argoproj.io", "v1alpha1", "rollouts", "Rollout"));
        Put(cluster, "argoproj.io/v1alpha1", "Rollout", "rolled", []);
        cluster.Server.Objects.Put("""
            {"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"refers","namespace":"default"},"spec":{"workloadRef":{"name":"x"}}}
            """);
        await cluster.StartOperatorAsync("--enable-argo-rollout-service-reconciler");
        var service = await FindAsync(cluster, "rolled-dapr");
        Assert.Equal("argoproj.io/v1alpha1", (string?)service["metadata"]!["ownerReferences"]![0]!["apiVersion"]);
    }

    internal static JsonElement PutDeployment(OperatorCluster cluster, string name, JsonObject annotations, int replicas = 1)
        => Put(cluster, "apps/v1", "Deployment", name, annotations, replicas);

    internal static JsonObject? Service(OperatorCluster cluster, string name)
        => cluster.Server.Objects.Find("services", "default", name) is { } found ? JsonObject.Create(found.Clone()) : null;

    internal static async Task<JsonObject> FindAsync(OperatorCluster cluster, string name)
    {
        await Eventually.TrueAsync(() => Service(cluster, name) is not null, $"there is a Service {name}");
        return Service(cluster, name)!;
    }

    private static void PutStatefulSet(OperatorCluster cluster, string name, JsonObject annotations) => Put(cluster, "apps/v1", "StatefulSet", name, annotations);

    private static JsonElement Put(OperatorCluster cluster, string apiVersion, string kind, string name, JsonObject annotations, int replicas = 1)
    {
        annotations.TryAdd("dapr.io/enabled", "true");
        annotations.TryAdd("dapr.io/app-id", name);
        return cluster.Server.Objects.Put(new JsonObject
        {
            ["apiVersion"] = apiVersion,
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
            ["spec"] = new JsonObject
            {
                ["replicas"] = replicas,
                ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name } },
                ["template"] = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations, ["labels"] = new JsonObject { ["app"] = name } }, ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "app", ["image"] = "app" }) } },
            },
        });
    }
}
