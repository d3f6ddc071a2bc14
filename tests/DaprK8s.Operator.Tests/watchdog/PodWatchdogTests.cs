using System.Text.Json.Nodes;
using DaprK8s.Operator.Tests.Support;

namespace DaprK8s.Operator.Tests.Watchdog;

/// <summary>Pods that should have a sidecar and have none (contract: k8s 2.11).</summary>
public sealed class PodWatchdogTests
{
    [Fact]
    public async Task Only_pods_that_lack_the_sidecar_they_ask_for_are_deleted()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        PutInjector(cluster, ready: 1);
        cluster.PutPod("lacks", Asks());
        cluster.PutPod("has", Asks(), containers: ["app", "daprd"]);
        cluster.PutPod("labelled", Asks(), new JsonObject { ["dapr.io/sidecar-injected"] = "true" });
        cluster.PutPod("asks-not", new JsonObject { ["dapr.io/enabled"] = "no" });
        cluster.Server.Objects.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"native","namespace":"default","annotations":{"dapr.io/enabled":"true"}},
             "spec":{"initContainers":[{"name":"daprd","image":"daprd"}],"containers":[{"name":"app","image":"app"}]}}
            """);
        await cluster.StartOperatorAsync("--watch-interval", "once", "--max-pod-restarts-per-minute", "0", "--watchdog-can-patch-pod-labels");

        await Eventually.TrueAsync(() => cluster.Server.Objects.Find("pods", "default", "lacks") is null, "the pod without a sidecar is deleted");
        await Eventually.TrueAsync(() => IsPatched(cluster, "has") && IsPatched(cluster, "native"), "pods with a sidecar are labelled");
        Assert.All(["has", "labelled", "asks-not", "native"], n => Assert.NotNull(cluster.Server.Objects.Find("pods", "default", n)));
        Assert.False(IsPatched(cluster, "labelled"));
    }

    [Fact]
    public async Task Nothing_is_deleted_before_the_injector_is_ready()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        PutInjector(cluster, ready: 0);
        cluster.PutPod("lacks", Asks());
        var running = await cluster.StartOperatorAsync("--watch-interval", "1s", "--max-pod-restarts-per-minute", "0");
        await Eventually.TrueAsync(() => running.Told.Any(l => l.StartsWith("the injector is not ready", StringComparison.Ordinal)), "it waits");
        Assert.NotNull(cluster.Server.Objects.Find("pods", "default", "lacks"));

        PutInjector(cluster, ready: 1);
        await Eventually.TrueAsync(() => cluster.Server.Objects.Find("pods", "default", "lacks") is null, "the pod is deleted then");
    }

    [Fact]
    public async Task It_looks_again_and_again()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        PutInjector(cluster, ready: 1);
        await cluster.StartOperatorAsync("--watch-interval", "1s", "--max-pod-restarts-per-minute", "0");
        foreach (var name in (string[])["first", "second"])
        {
            cluster.PutPod(name, Asks());
            await Eventually.TrueAsync(() => cluster.Server.Objects.Find("pods", "default", name) is null, $"{name} is deleted");
        }
    }

    [Fact]
    public async Task It_is_off_when_nobody_asks_for_it()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        Assert.DoesNotContain(running.Told, l => l.Contains("watchdog", StringComparison.OrdinalIgnoreCase));
    }

    private static JsonObject Asks() => new() { ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = "orders" };

    private static bool IsPatched(OperatorCluster cluster, string name)
        => cluster.Server.Objects.Find("pods", "default", name)!.Value.GetProperty("metadata").TryGetProperty("labels", out var labels)
            && labels.ValueKind == System.Text.Json.JsonValueKind.Object && labels.TryGetProperty("dapr.io/watchdog-patched", out _);

    private static void PutInjector(OperatorCluster cluster, int ready) => cluster.Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "apps/v1",
        ["kind"] = "Deployment",
        ["metadata"] = new JsonObject { ["name"] = "dapr-sidecar-injector", ["namespace"] = OperatorCluster.ControlPlane, ["labels"] = new JsonObject { ["app"] = "dapr-sidecar-injector" } },
        ["spec"] = new JsonObject
        {
            ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = "i" } },
            ["template"] = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = "i" } }, ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "i", ["image"] = "i" }) } },
        },
        ["status"] = new JsonObject { ["readyReplicas"] = ready },
    });
}
