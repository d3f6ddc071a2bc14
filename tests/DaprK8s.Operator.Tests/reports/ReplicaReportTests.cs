using DaprK8s.Operator.Tests.Support;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Reports;

/// <summary>Reports to a replica that does not lead.</summary>
public sealed class ReplicaReportTests
{
    [Fact]
    public async Task They_reach_the_one_that_does()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var leader = await cluster.StartOperatorAsync();
        await leader.LeadsAsync();
        var follower = await cluster.StartOperatorAsync();
        using var first = await ReportingSidecar.ReportAsync(leader, "orders", "pod-a", ("store", State.Ready, "", ""));
        var second = await ReportingSidecar.ReportAsync(follower, "shop", "pod-b", ("store", State.Failed, "InitFailed", "x"));
        await cluster.HasConditionAsync("store", "False InitFailed 1/2");

        await second.ChangeAsync(("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 2/2");
        second.Dispose();
        await cluster.HasConditionAsync("store", "True Loaded 1/1");
        Assert.DoesNotContain(cluster.Server.Faults.Requests, r => r.User == follower.User && r.Resource == "components.dapr.io" && r.Verb == "patch");
    }

    [Fact]
    public async Task When_the_leader_stops_the_other_goes_on_with_what_it_was_told()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var leader = await cluster.StartOperatorAsync();
        await leader.LeadsAsync();
        var follower = await cluster.StartOperatorAsync();
        using var sidecar = await ReportingSidecar.ReportAsync(follower, "orders", "pod-a", ("store", State.Ready, "", ""));
        await cluster.HasConditionAsync("store", "True Loaded 1/1");

        await leader.StopAsync();
        await sidecar.ChangeAsync(("store", State.Degraded, "UpdateFailed", "new credentials were refused"));

        await cluster.HasConditionAsync("store", "False UpdateFailed 0/1");
    }

    [Fact]
    public async Task A_thousand_of_them_are_all_counted()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("store");
        var leader = await cluster.StartOperatorAsync();
        await leader.LeadsAsync();
        var follower = await cluster.StartOperatorAsync();
        var sidecars = await ReportingSidecar.ReportThousandAsync(follower, ("store", State.Ready, "", ""));

        await cluster.HasConditionAsync("store", "True Loaded 1000/1000");
        Array.ForEach(sidecars, s => s.Dispose());
        await cluster.HasConditionAsync("store", "no condition 0/0");
    }
}
