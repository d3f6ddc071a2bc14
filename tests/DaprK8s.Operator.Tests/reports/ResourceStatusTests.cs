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

        await cluster.HasConditionAsync("store", "no condition 0/0");
    }

    [Fact]
    public async Task The_state_in_all_sidecars_is_counted_and_what_fails_is_named()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        using var orders = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 1/1");

        using var shop = await ReportingSidecar.ReportAsync(running, "shop", "pod-b", ("store", State.Failed, "InitFailed", "connection refused"));
        await cluster.HasConditionAsync("store", "False InitFailed 1/2");
        var status = cluster.StatusOf("store")!;
        Assert.Equal("app shop, pod pod-b: connection refused", (string?)status["conditions"]![0]!["message"]);
        var failing = status["apps"]!["failing"]!.AsArray();
        Assert.Equal(("shop", "pod-b", "InitFailed", "connection refused"), Assert.Single(failing.Select(f => ((string?)f!["appID"], (string?)f["pod"], (string?)f["reason"], (string?)f["message"]))));

        await shop.ChangeAsync(("store", State.Starting, "", ""));
        await cluster.HasConditionAsync("store", "Unknown Starting 1/2");
        await shop.ChangeAsync(("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 2/2");
        Assert.Null(cluster.StatusOf("store")!["apps"]!["failing"]);
    }

    [Fact]
    public async Task A_failure_and_the_recovery_from_it_are_events()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        using var orders = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Failed, "InitFailed", "connection refused"));
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
        using var orders = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        var shop = await ReportingSidecar.ReportAsync(running, "shop", "pod-b", ("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 2/2");

        shop.Dispose();

        await cluster.HasConditionAsync("store", "True Loaded 1/1");
        await orders.SnapshotAsync();
        await cluster.HasConditionAsync("store", "no condition 0/0");
    }

    [Fact]
    public async Task A_sidecar_that_comes_back_before_its_old_stream_ends_is_counted_once()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        var old = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Failed, "InitFailed", "x"));
        await cluster.HasConditionAsync("store", "False InitFailed 0/1");
        using var again = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 1/1");
        old.Dispose();

        cluster.PutComponent("mark");
        await cluster.HasConditionAsync("mark", "no condition 0/0");
        Assert.Equal("True Loaded 1/1", cluster.ConditionOf("store"));
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
    public async Task A_status_is_no_update_for_sidecars()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));
        using var orders = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 1/1");

        cluster.PutComponent("mark");
        await stream.HasAsync("Created mark");
    }

    private static async Task EventsAsync(OperatorCluster cluster, params string[] expected)
    {
        await Eventually.TrueAsync(() => cluster.EventsOf("store").Count >= expected.Length, "the events are there");
        Assert.Equal(expected.Order(StringComparer.Ordinal), cluster.EventsOf("store"));
    }
}
