using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Tests.Services;
using DaprK8s.Operator.Tests.Support;
using DaprK8s.Protos.Operator.V1;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Server;

/// <summary>Two operators (contract: k8s 2.4, 2.13).</summary>
public sealed class ReplicaTests
{
    private static readonly string[] Apps = [.. Enumerable.Range(0, 20).Select(i => $"app-{i}")];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_leader_that_stops_in_the_middle_of_its_work_is_followed_by_the_other_that_finishes_it()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var (first, second) = await StartTwoAsync(cluster);
        var gate = cluster.Server.Faults.Hold("create", "services");
        Array.ForEach(Apps, a => ServiceReconcilerTests.PutDeployment(cluster, a, []));
        await Eventually.TrueAsync(() => gate.Waiting == Apps.Length, "the first is at work");

        await first.StopAsync();
        gate.Open();

        await second.LeadsAsync();
        await AllHaveOneAsync(cluster);
        Assert.All(Apps, a => Assert.Contains(cluster.Server.Faults.Requests, r => r.User == second.User && r.Verb == "create" && r.Body.Contains($"\"{a}-dapr\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_leader_whose_lease_is_taken_in_the_middle_of_its_work_ends_and_nothing_is_made_twice_or_lost()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var (first, second) = await StartTwoAsync(cluster);
        var gate = cluster.Server.Faults.Hold("create", "services");
        Array.ForEach(Apps, a => ServiceReconcilerTests.PutDeployment(cluster, a, []));
        await Eventually.TrueAsync(() => gate.Waiting == Apps.Length, "the first is at work");

        cluster.Server.Objects.Change(
            "leases.coordination.k8s.io", OperatorCluster.ControlPlane, "operator.dapr.io", l => l["spec"]!["holderIdentity"] = second.Options.Instance);
        await second.LeadsAsync();

        // Both are at it for a moment: the first has yet to find out.
        gate.Open();
        await AllHaveOneAsync(cluster);
        var lost = await Assert.ThrowsAsync<LeadershipLostException>(() => first.Running.WaitAsync(TimeSpan.FromSeconds(60), Stop));
        Assert.Contains(second.Options.Instance, lost.Message, StringComparison.Ordinal);

        var uids = Uids(cluster);
        ServiceReconcilerTests.PutDeployment(cluster, "later", []);
        await ServiceReconcilerTests.FindAsync(cluster, "later-dapr");
        Assert.Equal(uids, Uids(cluster));
        Assert.Equal(0, cluster.Server.Faults.Count("update", "services"));
    }

    [Fact]
    public async Task Only_the_leader_writes_and_both_serve_sidecars()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var (first, second) = await StartTwoAsync(cluster);
        await using var stream = await Received.ComponentsAsync(second.As("default", "orders"));
        ServiceReconcilerTests.PutDeployment(cluster, "orders", []);
        using var sidecar = await ReportingSidecar.ReportAsync(second, "orders", "pod-a", ("store", State.Failed, "InitFailed", "x"));
        await cluster.HasConditionAsync("store", "False InitFailed 0/1");
        await ServiceReconcilerTests.FindAsync(cluster, "orders-dapr");
        await Eventually.TrueAsync(() => cluster.EventsOf("store").Count == 1, "the failure is an event");

        cluster.PutComponent("late");
        await stream.HasAsync("Created late");
        foreach (var running in (RunningOperator[])[first, second])
        {
            Assert.Equal(2, (await running.As("default", "orders").ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop)).Components.Count);
        }

        var written = cluster.Server.Faults.Requests.Where(r => r.User == second.User && r.Verb is not ("get" or "list" or "watch")).Select(r => r.Resource).Distinct();
        Assert.Empty(written.Except(["leases.coordination.k8s.io"]));
        await first.MetersAsync("dapr_operator_is_leader 1");
        await second.MetersAsync("dapr_operator_is_leader 0");
    }

    [Fact]
    public async Task Replicas_that_have_read_different_trust_anchors_do_not_overwrite_each_other()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutValidation();
        using var next = new TestTrust("next root");
        var (old, both) = (cluster.Trust.Pem, cluster.Trust.Pem + next.Pem);
        await File.WriteAllTextAsync(cluster.AnchorsFile, both, Stop);
        await cluster.StartOperatorAsync();
        await cluster.IsToldAsync(both);

        cluster.AnchorsFile += ".behind";
        await File.WriteAllTextAsync(cluster.AnchorsFile, old, Stop);
        await cluster.StartOperatorAsync();
        await cluster.IsToldAsync(both);
        cluster.PutCrd();
        await cluster.IsToldAsync(both);

        Assert.InRange(cluster.Server.Faults.Count("patch", "customresourcedefinitions.apiextensions.k8s.io"), 3, 6);
    }

    private static async Task<(RunningOperator First, RunningOperator Second)> StartTwoAsync(OperatorCluster cluster)
    {
        var first = await cluster.StartOperatorAsync();
        await first.LeadsAsync();
        return (first, await cluster.StartOperatorAsync());
    }

    private static Task AllHaveOneAsync(OperatorCluster cluster)
        => Eventually.TrueAsync(() => Apps.All(a => ServiceReconcilerTests.Service(cluster, $"{a}-dapr") is not null), "each has its Service");

    private static IEnumerable<string> Uids(OperatorCluster cluster)
        => Apps.Select(a => (string)ServiceReconcilerTests.Service(cluster, $"{a}-dapr")!["metadata"]!["uid"]!);
}
