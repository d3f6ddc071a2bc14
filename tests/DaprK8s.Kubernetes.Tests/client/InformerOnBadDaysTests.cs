using System.Collections.Concurrent;
using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Kubernetes.Tests.Support;

namespace DaprK8s.Kubernetes.Tests.Client;

/// <summary>Servers that end watches as they like, kinds that are missing, and objects that are held in another form.</summary>
public sealed class InformerOnBadDaysTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_watch_that_is_ended_without_a_word_is_followed_by_a_list_at_once()
    {
        await using var cluster = await Cluster.StartAsync();
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");

        cluster.Server.EndWatches();

        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("list", "configurations.dapr.io") == 2, "it lists again");
        Assert.Empty(cluster.Told);
    }

    [Fact]
    public async Task Watches_that_are_ended_again_and_again_lose_no_change_and_do_not_slow_down()
    {
        await using var cluster = await Cluster.StartAsync();
        var informer = cluster.Follow(DaprResources.Configurations);
        await SyncAsync(informer);
        for (var i = 0; i < 12; i++)
        {
            await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open again");
            cluster.Server.EndWatches();
            cluster.PutConfiguration($"c{i}", "one");
        }

        // With pauses that double, the twelfth would come after a quarter of an hour.
        await Eventually.TrueAsync(() => informer.Objects.Count == 12, "all changes are seen");
    }

    [Fact]
    public async Task A_kind_that_is_optional_counts_as_complete_while_its_CRD_is_missing()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Types.Withdraw("configurations.dapr.io");
        var informer = cluster.Follow(DaprResources.Configurations, new InformerScope { OptionalKind = "Configuration" });

        await SyncAsync(informer);

        Assert.Empty(informer.Objects);
        Assert.Contains(cluster.Told, l => l.StartsWith("CRD for dapr.io/v1alpha1/Configuration not found, skipping informer: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_object_is_held_in_the_form_that_the_reader_gives_it()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("good", "one");
        cluster.PutConfiguration("bad", "two");
        var informer = new Informer<PartialObject>(
            cluster.Client, new ApiResource<PartialObject>("dapr.io", "v1alpha1", "configurations", ApiResources.MetadataOf("pods").Json), new InformerScope(), cluster.Log, TimeProvider.System)
        {
            Read = json => json.GetProperty("metadata").GetProperty("name").GetString() == "bad"
                ? throw new JsonException("of the test")
                : new PartialObject { Metadata = new ObjectMeta { Name = "in another form" } },
        };
        using var stop = new CancellationTokenSource();
        var running = informer.RunAsync(stop.Token);
        await SyncAsync(informer);

        Assert.Equal("in another form", informer.Find("default", "good")?.Metadata.Name);
        Assert.Null(informer.Find("default", "bad"));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Ten_thousand_events_in_a_burst_all_arrive_in_order()
    {
        await using var cluster = await Cluster.StartAsync();
        var seen = new ConcurrentDictionary<string, int>();
        var disorder = 0;
        var informer = cluster.Follow(DaprResources.Configurations, changed: c =>
        {
            var value = int.Parse(c.After!.Spec.AccessControl!.TrustDomain!, System.Globalization.CultureInfo.InvariantCulture);
            if (value < seen.GetValueOrDefault(c.After.Metadata.Name))
            {
                Interlocked.Increment(ref disorder);
            }

            seen[c.After.Metadata.Name] = value;
        });
        await SyncAsync(informer);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1, "the watch is open");
        for (var i = 1; i <= 10_000; i++)
        {
            cluster.PutConfiguration($"m{i % 50}", $"{i}");
        }

        await Eventually.TrueAsync(() => seen.Values.Sum() == Enumerable.Range(9951, 50).Sum(), "the last state of each is seen");
        Assert.Equal(0, disorder);
    }

    private static Task SyncAsync<T>(Informer<T> informer)
        where T : class, IApiObject
        => informer.WaitForSyncAsync(Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);
}
