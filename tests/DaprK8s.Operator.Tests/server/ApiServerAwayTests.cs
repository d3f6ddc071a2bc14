using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Tests.Services;
using DaprK8s.Operator.Tests.Support;
using DaprK8s.Protos.Operator.V1;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Server;

/// <summary>The API server is away for a minute.</summary>
public sealed class ApiServerAwayTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sidecars_are_served_from_memory_meanwhile_and_told_afterwards_what_they_missed(bool isHistoryGone)
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        cluster.PutSecret("db", ("k", "old"));
        cluster.PutComponent("changes");
        cluster.PutComponent("goes");
        cluster.PutComponent("stays");
        cluster.PutComponent("uses", secret: "db", key: "k");
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        var client = running.As("default", "orders");
        await ListAsync(client);
        await using var early = await Received.ComponentsAsync(client);
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("watch", "secrets") == 1, "secrets are watched");

        await cluster.Server.PauseAsync();
        for (var second = 0; second < 60; second++)
        {
            clock.Forward(Second);
            if (second % 10 == 0)
            {
                Assert.Equal(Convert.ToBase64String("old"u8), await ListAsync(client));
            }
        }

        await using var late = await Received.ComponentsAsync(running.As("default", "orders"));
        using var sidecar = await ReportingSidecar.ReportAsync(running, "orders", "pod-a", ("stays", State.Ready, "", ""));
        Assert.Equal(HttpStatusCode.OK, await running.ProbeAsync());
        Assert.False(running.Running.IsCompleted);
        Assert.Single(running.Warned, l => l.StartsWith("lost the API server while watching components.dapr.io", StringComparison.Ordinal));

        cluster.PutComponent("changes", "two");
        cluster.PutComponent("new");
        cluster.Delete("components", "goes");
        cluster.PutSecret("db", ("k", "new"));
        ServiceReconcilerTests.PutDeployment(cluster, "orders", []);
        if (isHistoryGone)
        {
            cluster.Server.ExpireHistory();
        }

        await cluster.Server.ResumeAsync();

        string[] missed = ["Created new", "Deleted goes", "Updated changes", "Updated uses"];
        foreach (var stream in (Received[])[early, late])
        {
            await clock.ForwardUntilAsync(Second, () => stream.Events.Count >= missed.Length, "what was missed is told");
            Assert.Equal(missed, stream.Told.Split(", ").Order(StringComparer.Ordinal));
        }

        Assert.Equal(Convert.ToBase64String("new"u8), await ListAsync(client));
        await clock.ForwardUntilAsync(Second, () => ServiceReconcilerTests.Service(cluster, "orders-dapr") is not null, "the Service is made");
        await clock.ForwardUntilAsync(Second, () => cluster.ConditionOf("stays") == "True Loaded 1/1", "the report is written");
        Assert.False(running.Running.IsCompleted);
    }

    [Fact]
    public async Task A_leader_ends_when_it_could_not_renew_its_lease_and_the_other_serves_on_and_leads_afterwards()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        cluster.PutComponent("c");
        var leader = await cluster.StartOperatorAsync();
        await leader.LeadsAsync();
        var other = await cluster.StartOperatorAsync();

        await cluster.Server.PauseAsync();
        await clock.ForwardUntilAsync(Second, () => leader.Running.IsCompleted, "the leader ends");
        Assert.Equal("leader election lost: the lease could not be renewed for 10 s", (await Assert.ThrowsAsync<LeadershipLostException>(() => leader.Running)).Message);

        await other.As("default", "orders").ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop);
        Assert.False(other.Running.IsCompleted);
        ServiceReconcilerTests.PutDeployment(cluster, "orders", []);
        await cluster.Server.ResumeAsync();

        await clock.ForwardUntilAsync(Second / 10, () => other.Told.Any(l => l.StartsWith("successfully acquired lease", StringComparison.Ordinal)), "the other leads");
        await ServiceReconcilerTests.FindAsync(cluster, "orders-dapr");
    }

    [Fact]
    public async Task A_leader_that_is_without_it_for_a_moment_goes_on()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        var running = await cluster.StartOperatorAsync();
        await running.LeadsAsync();

        await cluster.Server.PauseAsync();
        await clock.ForwardUntilAsync(TimeSpan.FromMilliseconds(20), () => running.Warned.Any(l => l.StartsWith("leader election: ", StringComparison.Ordinal)), "the lease can't be renewed");
        await cluster.Server.ResumeAsync();

        await clock.ForwardUntilAsync(
            TimeSpan.FromMilliseconds(20), () => running.Told.Any(l => l.StartsWith("leader election: the lease dapr-system/operator.dapr.io can be read and written again", StringComparison.Ordinal)), "it is renewed");
        ServiceReconcilerTests.PutDeployment(cluster, "orders", []);
        await clock.ForwardUntilAsync(TimeSpan.FromMilliseconds(20), () => ServiceReconcilerTests.Service(cluster, "orders-dapr") is not null, "it still leads");
        Assert.Single(running.Warned, l => l.StartsWith("leader election: ", StringComparison.Ordinal));
    }

    private static async Task<string?> ListAsync(Protos.Operator.V1.Operator.OperatorClient client)
    {
        var list = await client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop);
        Assert.Equal(4, list.Components.Count);
        return (string?)JsonNode.Parse(list.Components[3].Span)!["spec"]!["metadata"]![0]!["value"];
    }
}
