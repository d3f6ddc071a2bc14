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
        await using var clock = new TestClock { Speed = 10 };
        await using var cluster = await OperatorCluster.StartAsync(clock);
        PutInjector(cluster, ready: 0);
        cluster.PutPod("lacks", Asks());
        var running = await cluster.StartOperatorAsync("--disable-leader-election", "--watch-interval", "1s", "--max-pod-restarts-per-minute", "0");
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

    [Theory]
    [InlineData("20", 3)]
    [InlineData("60", 1)]
    public async Task Pods_are_deleted_evenly_spaced_by_the_rate(string rate, int seconds)
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        PutInjector(cluster, ready: 1);
        for (var i = 0; i < 5; i++)
        {
            cluster.PutPod($"lacks-{i}", Asks());
        }

        var deleted = new List<DateTimeOffset>();
        clock.Speed = 0;
        var running = await cluster.StartOperatorAsync("--disable-leader-election", "--watch-interval", "once", "--max-pod-restarts-per-minute", rate);
        await clock.ForwardUntilAsync(
            TimeSpan.FromMilliseconds(100),
            () =>
            {
                for (var n = cluster.Server.Objects.List("pods").Count; deleted.Count < 5 - n;)
                {
                    deleted.Add(clock.GetUtcNow());
                }

                return deleted.Count == 5;
            },
            "all are deleted");

        // Read after each tenth of a second: the deletion itself was that much earlier at most.
        Assert.All(deleted.Zip(deleted.Skip(1), (a, b) => b - a), gap => Assert.InRange(gap, TimeSpan.FromSeconds(seconds - 0.2), TimeSpan.MaxValue));
        await Eventually.TrueAsync(() => running.Warned.Count(l => l.EndsWith("does not have the Dapr sidecar and was deleted", StringComparison.Ordinal)) == 5, "each is told");
    }

    [Fact]
    public async Task A_pod_whose_deletion_is_refused_does_not_keep_the_others()
    {
        await using var clock = new TestClock { Speed = 10 };
        await using var cluster = await OperatorCluster.StartAsync(clock);
        PutInjector(cluster, ready: 1);
        for (var i = 0; i < 5; i++)
        {
            cluster.PutPod($"lacks-{i}", Asks());
        }

        cluster.Server.Faults.Fail("delete", "pods", 500, times: 1);
        var running = await cluster.StartOperatorAsync("--disable-leader-election", "--watch-interval", "once", "--max-pod-restarts-per-minute", "0");

        await Eventually.TrueAsync(() => cluster.Server.Objects.List("pods").Count == 0, "all are deleted");
        var deletes = cluster.Server.Faults.Requests.Where(r => r.Verb == "delete").Select(r => r.Name).ToList();
        Assert.Equal((6, deletes[0]), (deletes.Count, deletes[^1]));
        Assert.Single(running.Warned, l => l.StartsWith("the watchdog could not look at all pods", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_pod_that_comes_back_without_a_sidecar_is_deleted_again_and_one_that_has_it_then_is_left_alone()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        PutInjector(cluster, ready: 1);
        cluster.PutPod("app", Asks());
        await cluster.StartOperatorAsync("--disable-leader-election", "--watch-interval", "30s");
        for (var restarts = 0; restarts < 2; restarts++)
        {
            await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), () => cluster.Server.Objects.Find("pods", "default", "app") is null, "it is deleted");
            cluster.PutPod("app", Asks(), containers: restarts == 0 ? ["app"] : ["app", "daprd"]);
        }

        cluster.PutPod("mark", Asks());
        await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), () => cluster.Server.Objects.Find("pods", "default", "mark") is null, "another pass was made");
        Assert.NotNull(cluster.Server.Objects.Find("pods", "default", "app"));
        Assert.Equal(3, cluster.Server.Faults.Count("delete", "pods"));
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

    internal static void PutInjector(OperatorCluster cluster, int ready) => cluster.Server.Objects.Put(new JsonObject
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
