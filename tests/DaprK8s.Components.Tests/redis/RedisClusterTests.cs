using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Keys and topics that are spread over the servers of a cluster.</summary>
public sealed class RedisClusterTests(RedisCluster cluster) : IClassFixture<RedisCluster>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Items_on_all_servers_are_written_read_listed_and_deleted()
    {
        await using var store = await OpenAsync();
        var keys = Enumerable.Range(0, 300).Select(i => $"spread||{i:D3}").ToArray();

        await store.BulkSetAsync([.. keys.Select(Set)], Stop);
        var read = await store.BulkGetAsync([.. keys.Select(k => new StateGet(k))], 0, Stop);
        var first = await ((IKeyListingStateStore)store).ListKeysAsync("spread||", 200, null, Stop);
        var second = await ((IKeyListingStateStore)store).ListKeysAsync("spread||", 200, first.Next, Stop);
        await store.BulkDeleteAsync([.. keys.Select(k => new StateDelete(k))], Stop);

        Assert.All(read, e => Assert.Equal(e.Key, Encoding.UTF8.GetString(e.Item.Value.Span).Trim('"')));
        Assert.Equal(keys, first.Keys.Concat(second.Keys));
        Assert.Null(second.Next);
        Assert.Empty((await ((IKeyListingStateStore)store).ListKeysAsync("spread||", 0, null, Stop)).Keys);
        foreach (var server in cluster.Servers)
        {
            await using var raw = await RawRedis.ConnectAsync(server);
            Assert.True(await raw.CallsAsync("evalsha") > 0, $"{server.Address} had no part in it");
        }
    }

    [Fact]
    public async Task A_transaction_within_one_slot_works_and_the_error_of_another_says_what_is_wrong()
    {
        await using var store = await OpenAsync();

        await store.TransactAsync([Set("{app}||a"), Set("{app}||b")], EmptyMetadata.Instance, Stop);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await store.TransactAsync([Set("app||a"), Set("app||b")], EmptyMetadata.Instance, Stop));

        Assert.False((await store.GetAsync(new StateGet("{app}||b"), Stop)).Value.IsEmpty);
        Assert.Contains("one slot", error.Message);
        Assert.True((await store.GetAsync(new StateGet("app||a"), Stop)).Value.IsEmpty);
    }

    [Fact]
    public async Task Topics_on_all_servers_are_published_and_delivered_and_pausing_works()
    {
        await using var pubsub = await ComponentUnderTest.StartAsync<IPubSub>("pubsub.redis", Settings());
        var topics = Enumerable.Range(0, 6).Select(i => $"topic-{i}-{Guid.NewGuid():N}").ToArray();
        var inbox = new Inbox();
        List<ISubscription> subscriptions = [];
        foreach (var topic in topics)
        {
            subscriptions.Add(await pubsub.SubscribeAsync(new SubscribeRequest(topic, EmptyMetadata.Instance), inbox.HandleAsync, Stop));
        }

        foreach (var topic in topics)
        {
            await pubsub.PublishAsync(new PublishMessage(topic, Encoding.UTF8.GetBytes(topic)), Stop);
        }

        await inbox.WaitForAsync(topics);
        foreach (var subscription in subscriptions)
        {
            await subscription.PauseAsync(Stop);
            await subscription.DisposeAsync();
        }

        Assert.All(inbox.Deliveries, d => Assert.Equal(d.Text, d.Message.Topic));
    }

    private static StateSet Set(string key) => new(key, new StateValue(Encoding.UTF8.GetBytes($"\"{key}\""), IsJson: true));

    private KeyValuePair<string, string>[] Settings() => RawRedis.Settings(("redisHost", cluster.Hosts), ("redisType", "cluster"), ("redisDB", "2"));

    private Task<ITransactionalStateStore> OpenAsync() => ComponentUnderTest.StartAsync<ITransactionalStateStore>("state.redis", Settings());
}
