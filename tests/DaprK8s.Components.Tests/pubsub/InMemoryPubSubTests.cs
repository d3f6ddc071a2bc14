using DaprK8s.Components.Tests.Conformance;

namespace DaprK8s.Components.Tests.PubSub;

public sealed class InMemoryPubSubTests : PubSubConformance
{
    protected override string ComponentType => "pubsub.in-memory";

    protected override IReadOnlyDictionary<string, string> Settings => EmptyMetadata.Instance;

    protected override PubSubTraits Traits { get; } = new()
    {
        RedeliversNacked = false,
        RedeliversLeft = false,
        KeepsForAbsent = false,
        CompetingConsumers = false,
        SharedBetweenInstances = false,
    };

    [Fact]
    public async Task A_topic_that_ends_in_a_star_gets_every_longer_topic_under_its_own_name()
    {
        var pubsub = await OpenAsync();
        Assert.Equal(PubSubFeatures.SubscribeWildcards, pubsub.Features);
        var (wild, exact) = (NewInbox(), NewInbox());
        await using var a = await SubscribeAsync(pubsub, "orders/*", wild);
        await using var b = await SubscribeAsync(pubsub, "orders/eu", exact);

        foreach (var topic in new[] { "orders", "orders/", "orders/eu", "other/eu", "orders/us/1" })
        {
            await pubsub.PublishAsync(Message(topic, topic), Stop);
        }

        await wild.WaitForAsync("orders/us/1");
        await exact.WaitForAsync("orders/eu");
        Assert.Equal(["orders/eu", "orders/us/1"], wild.Deliveries.Select(d => d.Message.Topic));
        Assert.Equal(["orders/eu"], exact.Deliveries.Select(d => d.Message.Topic));
    }

    [Fact]
    public async Task A_subscription_handles_one_message_at_a_time()
    {
        var pubsub = await OpenAsync();
        var (inHandler, most) = (0, 0);
        var inbox = new Inbox(async (_, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inHandler));
            await Task.Yield();
            Interlocked.Decrement(ref inHandler);
            return Settlement.Ack;
        });
        await using var subscription = await SubscribeAsync(pubsub, "orders", inbox);

        await inbox.WaitForAsync(await PublishManyAsync(pubsub, "orders", 200));

        Assert.Equal(1, most);
    }

    [Fact]
    public async Task A_failed_message_is_logged_and_not_delivered_again()
    {
        var pubsub = await OpenAsync();
        var inbox = NewInbox(d => d.Text == "m0" ? Settlement.Nack : Settlement.Ack);
        await using var subscription = await SubscribeAsync(pubsub, "orders", inbox);

        await inbox.WaitForAsync(await PublishManyAsync(pubsub, "orders", 3));

        Assert.Equal(["m0", "m1", "m2"], inbox.Texts);
        Assert.Single(Log.Lines, l => l.Text.Contains("topic orders failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_handler_that_throws_fails_only_its_own_message()
    {
        var pubsub = await OpenAsync();
        var inbox = NewInbox(d => d.Text == "m0" ? throw new InvalidOperationException("broken handler") : Settlement.Ack);
        await using var subscription = await SubscribeAsync(pubsub, "orders", inbox);

        await inbox.WaitForAsync(await PublishManyAsync(pubsub, "orders", 3));

        Assert.Contains(Log.Lines, l => l.Text.Contains("broken handler", StringComparison.Ordinal));
    }
}
