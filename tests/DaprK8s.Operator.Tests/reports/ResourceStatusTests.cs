using System.Text.Json.Nodes;
using DaprK8s.Operator.Tests.Support;
using DaprK8s.Protos.Operator.Status.V1;
using Grpc.Core;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Reports;

/// <summary>What sidecars report becomes the status of resources.</summary>
public sealed class ResourceStatusTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_component_that_nobody_has_loaded_is_neither_ready_nor_waited_for()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        await cluster.StartOperatorAsync();

        await HasConditionAsync(cluster, "store", "no condition 0/0");
    }

    [Fact]
    public async Task The_state_in_all_sidecars_is_counted_and_what_fails_is_named()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        using var orders = await Sidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        await HasConditionAsync(cluster, "store", "True Loaded 1/1");

        using var shop = await Sidecar.ReportAsync(running, "shop", "pod-b", ("store", State.Failed, "InitFailed", "connection refused"));
        await HasConditionAsync(cluster, "store", "False InitFailed 1/2");
        var status = StatusOf(cluster, "store")!;
        Assert.Equal("app shop, pod pod-b: connection refused", (string?)status["conditions"]![0]!["message"]);
        var failing = status["apps"]!["failing"]!.AsArray();
        Assert.Equal(("shop", "pod-b", "InitFailed", "connection refused"), Assert.Single(failing.Select(f => ((string?)f!["appID"], (string?)f["pod"], (string?)f["reason"], (string?)f["message"]))));

        await shop.ChangeAsync(("store", State.Starting, "", ""));
        await HasConditionAsync(cluster, "store", "Unknown Starting 1/2");
        await shop.ChangeAsync(("store", State.Ready, "", ""));
        await HasConditionAsync(cluster, "store", "True Loaded 2/2");
        Assert.Null(StatusOf(cluster, "store")!["apps"]!["failing"]);
    }

    [Fact]
    public async Task A_failure_and_the_recovery_from_it_are_events()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        using var orders = await Sidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Failed, "InitFailed", "connection refused"));
        await EventsAsync(cluster, "Warning InitFailed app orders, pod pod-a: connection refused");

        await orders.ChangeAsync(("store", State.Ready, "", ""));
        await EventsAsync(cluster, "Warning InitFailed app orders, pod pod-a: connection refused", "Normal Recovered in use in all of 1 sidecars");
    }

    [Fact]
    public async Task A_sidecar_that_has_gone_is_not_counted_any_more()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        using var orders = await Sidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        var shop = await Sidecar.ReportAsync(running, "shop", "pod-b", ("store", State.Ready, "", ""));
        await HasConditionAsync(cluster, "store", "True Loaded 2/2");

        shop.Dispose();

        await HasConditionAsync(cluster, "store", "True Loaded 1/1");
        await orders.SnapshotAsync();
        await HasConditionAsync(cluster, "store", "no condition 0/0");
    }

    [Fact]
    public async Task A_sidecar_that_comes_back_before_its_old_stream_ends_is_counted_once()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        var old = await Sidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Failed, "InitFailed", "x"));
        await HasConditionAsync(cluster, "store", "False InitFailed 0/1");
        using var again = await Sidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        await HasConditionAsync(cluster, "store", "True Loaded 1/1");
        old.Dispose();

        cluster.PutComponent("mark");
        await HasConditionAsync(cluster, "mark", "no condition 0/0");
        Assert.Equal("True Loaded 1/1", ConditionOf(cluster, "store"));
    }

    [Fact]
    public async Task Nobody_reports_for_another_namespace_and_only_an_operator_hands_on()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var stranger = new ResourceStatus.ResourceStatusClient(running.Connect("shop", "orders"));
        using var report = stranger.Report(cancellationToken: Stop);
        await report.RequestStream.WriteAsync(new ReportRequest { Namespace = "default", PodName = "p", Snapshot = true }, Stop);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () => await report.ResponseAsync)).StatusCode);

        foreach (var uri in (string[])["spiffe://public/ns/dapr-system/dapr-operator", "spiffe://cluster.local/ns/default/dapr-operator", "spiffe://cluster.local/ns/dapr-system/dapr-injector"])
        {
            var other = new ResourceStatus.ResourceStatusClient(running.Connect(uri));
            using var relay = other.Relay(cancellationToken: Stop);
            Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () => await relay.ResponseAsync)).StatusCode);
        }
    }

    [Fact]
    public async Task A_missing_right_to_the_status_is_named_once()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Server.Access.Deny("patch", "components.dapr.io");
        cluster.PutComponent("a");
        cluster.PutComponent("b");
        var running = await cluster.StartOperatorAsync();
        await Eventually.TrueAsync(() => running.Told.Any(l => l.Contains("a role must allow 'patch' on 'components.dapr.io'", StringComparison.Ordinal)), "the missing right is named");
        Assert.Single(running.Told, l => l.Contains("can't be written", StringComparison.Ordinal));
    }

    private static JsonObject? StatusOf(OperatorCluster cluster, string name)
        => cluster.Server.Objects.Find("components.dapr.io", "default", name) is { } found && found.TryGetProperty("status", out var status)
            ? JsonNode.Parse(status.GetRawText())!.AsObject() : null;

    private static string ConditionOf(OperatorCluster cluster, string name)
        => StatusOf(cluster, name) is not { } s ? "none"
            : s["conditions"]!.AsArray() is [{ } condition] ? $"{condition["status"]} {condition["reason"]} {s["apps"]!["summary"]}"
            : $"no condition {s["apps"]!["summary"]}";

    private static Task HasConditionAsync(OperatorCluster cluster, string name, string condition)
        => Eventually.TrueAsync(() => ConditionOf(cluster, name) == condition, $"the status of {name} is {condition}");

    private static async Task EventsAsync(OperatorCluster cluster, params string[] expected)
    {
        IEnumerable<string> Told() => cluster.Server.Objects.List("events")
            .Where(e => e.GetProperty("involvedObject").GetProperty("name").GetString() == "store")
            .Select(e => $"{e.GetProperty("type").GetString()} {e.GetProperty("reason").GetString()} {e.GetProperty("message").GetString()}").Order(StringComparer.Ordinal);
        await Eventually.TrueAsync(() => Told().Count() >= expected.Length, "the events are there");
        Assert.Equal(expected.Order(StringComparer.Ordinal), Told());
    }

    /// <summary>The side of a sidecar.</summary>
    private sealed class Sidecar : IDisposable
    {
        private readonly AsyncClientStreamingCall<ReportRequest, ReportResponse> call;
        private readonly string pod;

        private Sidecar(AsyncClientStreamingCall<ReportRequest, ReportResponse> call, string pod) => (this.call, this.pod) = (call, pod);

        public static async Task<Sidecar> ReportAsync(RunningOperator running, string app, string pod, params (string Name, State State, string Reason, string Message)[] states)
        {
            var sidecar = new Sidecar(new ResourceStatus.ResourceStatusClient(running.Connect("default", app)).Report(), pod);
            await sidecar.SnapshotAsync(states);
            return sidecar;
        }

        public Task SnapshotAsync(params (string Name, State State, string Reason, string Message)[] states) => SendAsync(true, states);

        public Task ChangeAsync(params (string Name, State State, string Reason, string Message)[] states) => SendAsync(false, states);

        public void Dispose() => call.Dispose();

        private Task SendAsync(bool isSnapshot, (string Name, State State, string Reason, string Message)[] states)
        {
            var request = new ReportRequest { Namespace = "default", PodName = pod, Snapshot = isSnapshot };
            request.Resources.AddRange(states.Select(s => new ResourceState { Kind = "Component", Name = s.Name, State = s.State, Reason = s.Reason, Message = s.Message }));
            return call.RequestStream.WriteAsync(request, Stop);
        }
    }
}
