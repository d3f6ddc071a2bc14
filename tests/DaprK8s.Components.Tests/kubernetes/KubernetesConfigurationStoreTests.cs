using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.Kubernetes;

/// <summary>The configuration store on a ConfigMap (contract: components 7.1, 7.4, 13.5).</summary>
public sealed class KubernetesConfigurationStoreTests
{
    private const string Map = "settings";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Items_are_read_with_the_version_of_the_map()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap(Map, ("color", "red"), ("size", "7"));
        await using var store = await StartAsync(cluster);
        var version = cluster.Server.Objects.Find("configmaps", "default", Map)!.Value.GetProperty("metadata").GetProperty("resourceVersion").GetString();

        var all = await store.GetAsync([], EmptyMetadata.Instance, Stop);
        Assert.Equal(["color", "size"], all.Keys.Order());
        Assert.Equal(new ConfigurationItem("red", version!), all["color"]);
        Assert.Equal(["size"], (await store.GetAsync(["size", "absent"], EmptyMetadata.Instance, Stop)).Keys);
        Assert.Empty(await store.GetAsync(["absent"], EmptyMetadata.Instance, Stop));
    }

    [Fact]
    public async Task A_map_that_is_not_there_has_no_items()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap("another", ("color", "red"));
        await using var store = await StartAsync(cluster);
        Assert.Empty(await store.GetAsync([], EmptyMetadata.Instance, Stop));
    }

    [Fact]
    public async Task Binary_values_come_in_base64_and_say_so()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap(Map, new JsonObject { ["logo"] = "AAEC" }, ("color", "red"));
        await using var store = await StartAsync(cluster);
        var all = await store.GetAsync([], EmptyMetadata.Instance, Stop);
        Assert.Equal("AAEC", all["logo"].Value);
        Assert.Equal("base64", all["logo"].Metadata["encoding"]);
        Assert.Empty(all["color"].Metadata);
    }

    [Fact]
    public async Task A_subscriber_is_told_what_is_there_and_then_only_what_changes()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap(Map, ("color", "red"), ("size", "7"));
        await using var store = await StartAsync(cluster);
        var updates = new Updates();
        await using var subscription = await store.SubscribeAsync([], EmptyMetadata.Instance, updates.TakeAsync, Stop);
        Assert.Equal("color=red size=7", await updates.NextAsync());

        cluster.PutMap(Map, ("color", "blue"), ("size", "7"), ("shape", "round"));
        Assert.Equal("color=blue shape=round", await updates.NextAsync());

        cluster.PutMap(Map, ("size", "7"), ("shape", "round"));
        Assert.Equal("color=(deleted)", await updates.NextAsync());

        cluster.Server.Objects.Delete("configmaps", "default", Map);
        Assert.Equal("shape=(deleted) size=(deleted)", await updates.NextAsync());

        cluster.PutMap(Map, ("size", "8"));
        Assert.Equal("size=8", await updates.NextAsync());
    }

    [Fact]
    public async Task A_subscriber_is_told_of_its_keys_alone_and_of_none_once_it_has_ended()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap(Map, ("color", "red"));
        await using var store = await StartAsync(cluster);
        var (own, all) = (new Updates(), new Updates());
        var ending = await store.SubscribeAsync(["size", "color"], EmptyMetadata.Instance, own.TakeAsync, Stop);
        await using var lasting = await store.SubscribeAsync([], EmptyMetadata.Instance, all.TakeAsync, Stop);
        Assert.Equal("color=red", await own.NextAsync());
        Assert.Equal("color=red", await all.NextAsync());

        cluster.PutMap(Map, ("color", "red"), ("shape", "round"));
        Assert.Equal("shape=round", await all.NextAsync());
        cluster.PutMap(Map, ("color", "red"), ("shape", "round"), ("size", "7"));
        Assert.Equal("size=7", await all.NextAsync());
        Assert.Equal("size=7", await own.NextAsync());

        await ending.DisposeAsync();
        cluster.PutMap(Map, ("color", "green"));
        await all.NextAsync();
        Assert.Equal(0, own.Waiting);
    }

    [Fact]
    public async Task What_a_slow_subscriber_has_missed_comes_in_one_update()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap(Map, ("n", "0"));
        await using var store = await StartAsync(cluster);
        var (slow, quick) = (new Updates { IsHeld = true }, new Updates());
        await using var one = await store.SubscribeAsync([], EmptyMetadata.Instance, slow.TakeAsync, Stop);
        await using var other = await store.SubscribeAsync([], EmptyMetadata.Instance, quick.TakeAsync, Stop);
        for (var n = 0; n <= 20; n++)
        {
            cluster.PutMap(Map, ("n", $"{n}"));
            await Eventually.TrueAsync(
                async () => (await store.GetAsync([], EmptyMetadata.Instance, Stop))["n"].Value == $"{n}", $"the store holds {n}");
        }

        slow.Release();
        Assert.Equal("n=0", await slow.NextAsync());
        Assert.Equal("n=20", await slow.NextAsync());
        Assert.Equal(0, slow.Waiting);
    }

    [Fact]
    public async Task Changes_made_while_the_api_server_was_away_are_told_afterwards()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutMap(Map, ("color", "red"));
        await using var store = await StartAsync(cluster);
        var updates = new Updates();
        await using var subscription = await store.SubscribeAsync([], EmptyMetadata.Instance, updates.TakeAsync, Stop);
        await updates.NextAsync();
        await cluster.Server.PauseAsync();
        cluster.PutMap(Map, ("color", "blue"));
        Assert.Equal("red", (await store.GetAsync([], EmptyMetadata.Instance, Stop))["color"].Value);
        await cluster.Server.ResumeAsync();
        Assert.Equal("color=blue", await updates.NextAsync());
    }

    [Fact]
    public async Task Without_the_right_to_list_it_does_not_start_and_names_the_verb()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.Server.Access.Restrict(ComponentCluster.User).Allow("configmaps", "get", "default");
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => StartAsync(cluster));
        Assert.StartsWith("cannot list configmaps", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rights_on_the_one_map_are_enough()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.Server.Access.Restrict(ComponentCluster.User).Allow("configmaps", "list,watch", "default", Map);
        cluster.PutMap(Map, ("color", "red"));
        await using var store = await StartAsync(cluster);
        Assert.Equal("red", (await store.GetAsync([], EmptyMetadata.Instance, Stop))["color"].Value);
    }

    [Fact]
    public void The_name_of_the_map_is_required()
    {
        Assert.True(ProviderCatalog.TryFind("configuration.kubernetes", "v1", out var entry));
        Assert.Contains(new ComponentMetadata([]).Validate(entry.Describe().Fields), p => p.Field == "configMapName");
    }

    private static Task<IConfigurationStore> StartAsync(ComponentCluster cluster)
        => ComponentUnderTest.StartAsync<IConfigurationStore>(
            "configuration.kubernetes", new Dictionary<string, string> { ["configMapName"] = Map, ["kubeconfigPath"] = cluster.KubeConfig });

    /// <summary>A subscriber that writes down what it is told.</summary>
    private sealed class Updates
    {
        private readonly ConcurrentQueue<string> told = new();
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsHeld { get; init; }

        public int Waiting => told.Count;

        public void Release() => released.TrySetResult();

        public async ValueTask TakeAsync(IReadOnlyDictionary<string, ConfigurationItem> items, CancellationToken cancellationToken)
        {
            if (IsHeld)
            {
                await released.Task.WaitAsync(cancellationToken);
            }

            told.Enqueue(string.Join(' ', items.OrderBy(i => i.Key, StringComparer.Ordinal).Select(
                i => $"{i.Key}={(i.Value.Metadata.GetValueOrDefault("deleted") == "true" && i.Value is { Value: "", Version: "" } ? "(deleted)" : i.Value.Value)}")));
        }

        public async Task<string> NextAsync()
        {
            string? next = null;
            await Eventually.TrueAsync(() => told.TryDequeue(out next), "the subscriber is told something");
            return next!;
        }
    }
}
