using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Tests.StandIns;

/// <summary>Pods of the stand-in begin, restart and end as on a real node.</summary>
public sealed class LifecycleTests(StandIn standIn) : IClassFixture<StandIn>
{
    private readonly Place place = standIn.NewPlace();

    [Fact]
    public async Task Init_containers_run_in_their_order_and_a_native_sidecar_stays()
    {
        place.PutPod("ordered", pod =>
        {
            var sidecar = Place.AppContainer("sidecar", 9000);
            sidecar["restartPolicy"] = "Always";
            sidecar["startupProbe"] = new JsonObject { ["httpGet"] = new JsonObject { ["path"] = "/healthz", ["port"] = 9000 }, ["periodSeconds"] = 1 };
            pod["spec"]!["initContainers"] = new JsonArray(
                Shell("first", "echo first > /order/log"),
                sidecar,
                Shell("second", "echo second >> /order/log"));
            pod["spec"]!["volumes"]!.AsArray().Add(new JsonObject { ["name"] = "order", ["emptyDir"] = new JsonObject() });
            Place.Container(pod)["volumeMounts"]!.AsArray().Add(new JsonObject { ["name"] = "order", ["mountPath"] = "/order" });
        });
        await place.UntilReadyAsync("ordered");

        Assert.Equal("first\nsecond\n", await place.AskAsync("ordered", "/test/file?path=/order/log"));
        Assert.Equal(200, (await place.CallFromAsync("ordered", "http://localhost:9000/healthz")).Status);
    }

    [Fact]
    public async Task A_pod_of_a_finished_task_ends_with_its_native_sidecar()
    {
        place.PutPod("task", pod =>
        {
            var sidecar = Place.AppContainer("sidecar", 9000);
            sidecar["restartPolicy"] = "Always";
            sidecar["startupProbe"] = new JsonObject { ["tcpSocket"] = new JsonObject { ["port"] = 9000 }, ["periodSeconds"] = 1 };
            pod["spec"]!["restartPolicy"] = "Never";
            pod["spec"]!["initContainers"] = new JsonArray(sidecar);
            pod["spec"]!["containers"] = new JsonArray(new JsonObject { ["name"] = "work", ["image"] = "busybox", ["command"] = new JsonArray("sh", "-c", "echo done") });
        });

        await Eventually.TrueAsync(() => place.Find("pods", "task")?.Text("status", "phase") == "Succeeded", "the pod has succeeded");
        Assert.Equal("done\n", place.Log("task"));
        Assert.Contains("asked to end", place.Log("task", "sidecar"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_container_that_crashes_is_started_again()
    {
        place.PutPod("fragile");
        await place.UntilReadyAsync("fragile");

        place.Cluster.Kill(place.Name, "fragile");

        await Eventually.TrueAsync(
            () => place.Find("pods", "fragile")!.Value.Items("status", "containerStatuses").Single() is var c && c.Number("restartCount") == 1 && c.Flag("ready") == true,
            "the container is ready again after one restart");
        Assert.Equal(137, place.Find("pods", "fragile")!.Value.Items("status", "containerStatuses").Single().Number("lastState", "terminated", "exitCode"));
    }

    [Fact]
    public async Task A_container_that_keeps_crashing_waits_between_its_starts()
    {
        place.PutPod("hopeless", pod => Place.Container(pod)["command"] = new JsonArray("sh", "-c", "exit 3"));

        await Eventually.TrueAsync(
            () => place.Find("pods", "hopeless")?.Items("status", "containerStatuses").Any(c => c.Text("state", "waiting", "reason") == "CrashLoopBackOff") == true,
            "the container is in its back-off");
        Assert.Equal(3, place.Find("pods", "hopeless")!.Value.Items("status", "containerStatuses").Single().Number("lastState", "terminated", "exitCode"));
    }

    [Fact]
    public async Task A_container_that_fails_its_liveness_probe_is_started_again()
    {
        place.PutPod("stuck", pod => Place.Container(pod)["livenessProbe"] = new JsonObject
        {
            ["httpGet"] = new JsonObject { ["path"] = "/healthz", ["port"] = "http" },
            ["periodSeconds"] = 1,
            ["failureThreshold"] = 2,
        });
        await place.UntilReadyAsync("stuck");

        await place.AskAsync("stuck", "/test/health", "false");

        await Eventually.TrueAsync(() => place.Find("pods", "stuck")!.Value.Items("status", "containerStatuses").Single().Number("restartCount") == 1, "the container was started again");
        Assert.Contains("asked to end", place.Log("stuck", previous: true), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_that_is_deleted_is_asked_to_end_and_then_gone()
    {
        place.PutPod("leaving");
        await place.UntilReadyAsync("leaving");
        var log = place.Cluster.LogFile(place.Name, "leaving")!;
        var address = place.Cluster.AddressOf(place.Name, "leaving")!;

        place.Cluster.Api.Objects.Delete("pods", place.Name, "leaving");

        await Eventually.TrueAsync(() => place.Find("pods", "leaving") is null && place.Cluster.AddressOf(place.Name, "leaving") is null, "the pod is gone");
        await Eventually.TrueAsync(() => File.ReadAllText(log).Contains("asked to end", StringComparison.Ordinal), "its process was asked to end");
        await Eventually.TrueAsync(async () => !await AnswersAsync(address), "nobody answers at its address");
    }

    [Fact]
    public async Task A_probe_may_be_a_command_or_a_connection()
    {
        place.PutPod("probed", pod =>
        {
            Place.Container(pod)["startupProbe"] = new JsonObject { ["tcpSocket"] = new JsonObject { ["port"] = "http" }, ["periodSeconds"] = 1 };
            Place.Container(pod)["readinessProbe"] = new JsonObject { ["exec"] = new JsonObject { ["command"] = new JsonArray("test", "-e", "/tmp/go") }, ["periodSeconds"] = 1 };
        });
        await Eventually.TrueAsync(
            () => place.Cluster.Api.Objects.List("events", place.Name).Any(e => e.Text("message")!.StartsWith("Readiness probe failed: command ended with 1", StringComparison.Ordinal)),
            "the command has failed");

        await place.AskAsync("probed", "/test/write?path=/tmp/go", "go");

        await place.UntilReadyAsync("probed");
    }

    private static async Task<bool> AnswersAsync(System.Net.IPAddress address)
    {
        using var socket = new System.Net.Sockets.TcpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await socket.ConnectAsync(address, 8080, patience.Token);
            return true;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    private static JsonObject Shell(string name, string script) => new()
    {
        ["name"] = name,
        ["image"] = "busybox",
        ["command"] = new JsonArray("sh", "-c", script),
        ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "order", ["mountPath"] = "/order" }),
    };
}
