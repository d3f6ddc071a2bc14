using DaprK8s.Sentry.Kubernetes;

namespace DaprK8s.Sentry.Tests.Kubernetes;

public sealed class KubernetesCaEventsTests
{
    [Fact]
    public async Task An_event_is_recorded_on_the_Secret()
    {
        await using var cluster = await SentryCluster.StartAsync();
        cluster.Server.Access.Restrict(SentryCluster.User).Allow("events", "create", SentryCluster.Namespace);
        var events = NewEvents(cluster);
        events.Report(true, "RootExpiring", "the root ends soon");
        await Eventually.TrueAsync(() => cluster.Server.Objects.List("events").Count == 1, "it is recorded");

        var recorded = cluster.Server.Objects.List("events", SentryCluster.Namespace)[0];
        Assert.Equal("Warning", recorded.GetProperty("type").GetString());
        Assert.Equal("RootExpiring", recorded.GetProperty("reason").GetString());
        Assert.Equal("the root ends soon", recorded.GetProperty("message").GetString());
        Assert.Equal(
            cluster.Server.Objects.Find("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName)!.Value.GetProperty("metadata").GetProperty("uid").GetString(),
            recorded.GetProperty("involvedObject").GetProperty("uid").GetString());
    }

    [Fact]
    public async Task Without_the_right_to_create_events_the_log_says_so_once()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var events = NewEvents(cluster);
        for (var i = 1; i <= 3; i++)
        {
            var count = i;
            events.Report(false, "RootPublished", "a step");
            await Eventually.TrueAsync(() => cluster.Server.Faults.Count("create", "events") == count, "it is tried");
        }

        await Eventually.TrueAsync(() => cluster.Log.Lines.Length > 0, "the log says so");
        Assert.Contains("cannot create events", Assert.Single(cluster.Log.Lines).Text, StringComparison.Ordinal);
    }

    private static KubernetesCaEvents NewEvents(SentryCluster cluster) => new(cluster.Client, SentryCluster.Namespace, "dapr-sentry-1", TimeProvider.System, cluster.Log);
}
