using DaprK8s.Common.Kubernetes;
using DaprK8s.Kubernetes.Tests.Support;

namespace DaprK8s.Kubernetes.Tests.Client;

public sealed class LeaderElectionTests
{
    [Fact]
    public async Task One_leads_and_the_other_takes_over_at_once_when_it_stops()
    {
        await using var cluster = await Cluster.StartAsync();
        await using var a = new Candidate(cluster, "a");
        await Eventually.TrueAsync(() => a.Leads, "a leads");
        await using var b = new Candidate(cluster, "b");
        await Eventually.TrueAsync(() => b.Election.Leader.Identity == "a", "b knows a");
        Assert.False(b.Leads);
        Assert.Equal("address of a", b.Election.Leader.Annotations["test/address"]);

        await a.StopAsync();
        Assert.False(a.Leads);

        await Eventually.TrueAsync(() => b.Leads, "b leads");
        var lease = cluster.Server.Objects.Find("leases.coordination.k8s.io", "default", "test")!.Value.GetProperty("spec");
        Assert.Equal("b", lease.GetProperty("holderIdentity").GetString());
        Assert.True(lease.GetProperty("leaseTransitions").GetInt32() >= 1);
    }

    [Fact]
    public async Task A_leader_that_died_is_followed_when_its_lease_has_ended()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Objects.Put("""
            {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"test","namespace":"default"},
             "spec":{"holderIdentity":"dead","leaseDurationSeconds":1,"renewTime":"2020-01-01T00:00:00.000000Z","leaseTransitions":3}}
            """);
        await using var a = new Candidate(cluster, "a");

        await Eventually.TrueAsync(() => a.Leads, "a leads");
        Assert.Equal(4, cluster.Server.Objects.Find("leases.coordination.k8s.io", "default", "test")!.Value.GetProperty("spec").GetProperty("leaseTransitions").GetInt32());
    }

    [Fact]
    public async Task A_leader_whose_lease_was_taken_ends_with_an_error_and_leaves_the_lease_alone()
    {
        await using var cluster = await Cluster.StartAsync();
        await using var a = new Candidate(cluster, "a");
        await Eventually.TrueAsync(() => a.Leads, "a leads");

        cluster.Server.Objects.Change("leases.coordination.k8s.io", "default", "test", l => l["spec"]!["holderIdentity"] = "thief");

        var lost = await Assert.ThrowsAsync<LeadershipLostException>(() => a.Running.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Contains("thief", lost.Message, StringComparison.Ordinal);
        Assert.False(a.Leads);
        Assert.Equal("thief", cluster.Server.Objects.Find("leases.coordination.k8s.io", "default", "test")!.Value.GetProperty("spec").GetProperty("holderIdentity").GetString());
    }

    [Fact]
    public async Task A_leader_without_an_API_server_steps_down_when_its_deadline_has_passed()
    {
        await using var cluster = await Cluster.StartAsync();
        await using var a = new Candidate(cluster, "a");
        await Eventually.TrueAsync(() => a.Leads, "a leads");

        await cluster.Server.PauseAsync();

        await Assert.ThrowsAsync<LeadershipLostException>(() => a.Running.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.True(a.WasCancelled);
    }

    [Fact]
    public async Task A_missing_right_is_named()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Access.Deny("create", "leases.coordination.k8s.io");
        await using var a = new Candidate(cluster, "a");
        await Eventually.TrueAsync(
            () => cluster.Told.Any(l => l.Contains("a role must allow 'create' on 'leases.coordination.k8s.io'", StringComparison.Ordinal)), "it is told");
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("create", "leases.coordination.k8s.io") > 4, "it tries again and again");
        Assert.False(a.Leads);
        Assert.Single(cluster.Told, l => l.Contains("a role must allow", StringComparison.Ordinal));

        cluster.Server.Access.Permit("create", "leases.coordination.k8s.io");
        await Eventually.TrueAsync(() => a.Leads, "it leads once it may");
    }

    private sealed class Candidate : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();

        public Candidate(Cluster cluster, string name)
        {
            Election = new LeaderElection(
                cluster.Client,
                new LeaderElectionOptions
                {
                    LeaseName = "test",
                    Namespace = "default",
                    Identity = name,
                    Annotations = new Dictionary<string, string> { ["test/address"] = $"address of {name}" },
                    Duration = TimeSpan.FromSeconds(2),
                    RenewDeadline = TimeSpan.FromSeconds(1),
                    RetryPeriod = TimeSpan.FromMilliseconds(100),
                },
                cluster.Log,
                TimeProvider.System);
            Running = Election.RunAsync(LeadAsync, stop.Token);
        }

        public LeaderElection Election { get; }

        public Task Running { get; }

        public bool Leads { get; private set; }

        public bool WasCancelled { get; private set; }

        public async Task StopAsync()
        {
            await stop.CancelAsync();
            await Running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            stop.Dispose();
        }

        private async Task LeadAsync(CancellationToken cancellationToken)
        {
            Leads = true;
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            (Leads, WasCancelled) = (false, true);
        }
    }
}
