namespace DaprK8s.Components.Tests.Conformance;

/// <summary>The life of subscriptions and components: pausing, ending, leaving, expiry, closing.</summary>
public abstract partial class PubSubConformance
{
    [Fact]
    public async Task Ending_one_subscription_stops_only_that_one_and_it_can_be_made_anew()
    {
        var pubsub = await OpenAsync();
        var (topicA, topicB) = (NewTopic("a"), NewTopic("b"));
        var (endedInbox, inboxB, renewedInbox) = (NewInbox(), NewInbox(), NewInbox());
        var ended = await SubscribeAsync(pubsub, topicA, endedInbox);
        await using var b = await SubscribeAsync(pubsub, topicB, inboxB);
        await pubsub.PublishAsync(Message(topicA, "before"), Stop);
        await endedInbox.WaitForAsync("before");

        await ended.PauseAsync(Stop);
        await ended.DisposeAsync();
        await PublishManyAsync(pubsub, topicA, 5, "away");
        await inboxB.WaitForAsync(await PublishManyAsync(pubsub, topicB, 5, "other"));
        Assert.Equal(["before"], endedInbox.Texts);

        await using var renewed = await SubscribeAsync(pubsub, topicA, renewedInbox);
        await renewedInbox.WaitForAsync(await PublishManyAsync(pubsub, topicA, 5, "after"));
        Assert.Equal(["before"], endedInbox.Texts);
    }

    [Fact]
    public async Task Messages_published_while_a_known_consumer_is_away_wait_for_it_where_the_broker_is_durable()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        await (await SubscribeAsync(pubsub, topic, NewInbox())).DisposeAsync();

        var texts = await PublishManyAsync(pubsub, topic, 10, "away");

        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);
        var fence = await PublishManyAsync(pubsub, topic, 1, "fence");
        await inbox.WaitForAsync(fence);
        if (Traits.KeepsForAbsent)
        {
            await inbox.WaitForAsync(texts);
        }
        else
        {
            Assert.Equal(fence, inbox.Texts);
        }
    }

    [Fact]
    public async Task A_paused_subscription_gets_nothing_new_and_can_still_acknowledge_what_it_has()
    {
        var pubsub = await OpenAsync();
        var witness = Traits.SharedBetweenInstances ? await OpenAsync("group-b") : pubsub;
        var topic = NewTopic();
        var release = new TaskCompletionSource();
        var paused = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Ack;
        })
        { Patience = Traits.Patience };
        var seen = NewInbox();
        var subscription = await SubscribeAsync(pubsub, topic, paused);
        await using var other = await SubscribeAsync(witness, topic, seen);
        await pubsub.PublishAsync(Message(topic, "in flight"), Stop);
        await paused.WaitForAsync("in flight");

        await subscription.PauseAsync(Stop);
        await subscription.PauseAsync(Stop);
        await seen.WaitForAsync(await PublishManyAsync(pubsub, topic, 5, "new"));
        Assert.Equal(["in flight"], paused.Texts);
        release.SetResult();
        await subscription.DisposeAsync();
        Assert.Equal(["in flight"], paused.Texts);

        var next = NewInbox();
        await using var again = await SubscribeAsync(pubsub, topic, next);
        await next.WaitForAsync(await PublishManyAsync(pubsub, topic, 1, "fence"));
        Assert.DoesNotContain("in flight", next.Texts);
        if (Traits.KeepsForAbsent)
        {
            await next.WaitForAsync([.. Enumerable.Range(0, 5).Select(i => $"new{i}")]);
        }
    }

    [Fact]
    public async Task A_message_left_by_an_ending_subscription_goes_to_another_consumer()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var release = new TaskCompletionSource();
        var leaving = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Leave;
        })
        { Patience = Traits.Patience };
        var subscription = await SubscribeAsync(pubsub, topic, leaving);
        await pubsub.PublishAsync(Message(topic, "left"), Stop);
        await leaving.WaitForAsync("left");

        await subscription.PauseAsync(Stop);
        release.SetResult();
        await subscription.DisposeAsync();

        var inbox = NewInbox();
        var second = Traits.SharedBetweenInstances ? await OpenAsync() : pubsub;
        await using var other = await SubscribeAsync(second, topic, inbox);
        await inbox.WaitForAsync(await PublishManyAsync(pubsub, topic, 1, "next"));
        if (Traits.RedeliversLeft)
        {
            await inbox.WaitForAsync("left");
        }

        Assert.Equal(["left"], leaving.Texts);
    }

    [Fact]
    public async Task A_subscription_that_ends_does_not_wait_for_ever_on_a_handler_that_listens_to_its_token()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = new Inbox(async (_, token) =>
        {
            var ended = new TaskCompletionSource();
            await using var registration = token.Register(ended.SetResult);
            await ended.Task;
            return Settlement.Leave;
        })
        { Patience = Traits.Patience };
        var subscription = await SubscribeAsync(pubsub, topic, inbox);
        await pubsub.PublishAsync(Message(topic, "m"), Stop);
        await inbox.WaitForAsync("m");

        await subscription.DisposeAsync().AsTask().WaitAsync(Traits.Patience, Stop);
    }

    [Theory]
    [InlineData("ttl", "100ms")]
    [InlineData("TTLInSeconds", "1")]
    public async Task An_expired_message_is_not_delivered_where_the_broker_expires_messages(string key, string ttl)
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        await (await SubscribeAsync(pubsub, topic, NewInbox())).DisposeAsync();

        await pubsub.PublishAsync(Message(topic, "brief", (key, ttl)), Stop);
        await pubsub.PublishAsync(Message(topic, "lasting", (key, "1h")), Stop);
        await Task.Delay(TimeSpan.FromSeconds(1.3), Stop); // The broker's clock is what is tested here; nothing can be polled.

        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);
        await inbox.WaitForAsync(await PublishManyAsync(pubsub, topic, 1, "fence"));
        if (Traits.KeepsForAbsent)
        {
            await inbox.WaitForAsync("lasting");
        }

        if (pubsub.Features.HasFlag(PubSubFeatures.MessageTtl))
        {
            Assert.DoesNotContain("brief", inbox.Texts);
        }
    }

    [Fact]
    public async Task A_message_within_its_time_to_live_is_delivered()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        await pubsub.PublishAsync(Message(topic, "m", ("ttlInSeconds", "60")), Stop);

        await inbox.WaitForAsync("m");
    }

    [Fact]
    public async Task A_closed_component_refuses_to_publish_and_to_subscribe()
    {
        var pubsub = await OpenAsync();
        await pubsub.PublishAsync(Message(NewTopic(), "m"), Stop);
        await pubsub.DisposeAsync();

        var publish = await Assert.ThrowsAsync<PublishRejectedException>(
            async () => await pubsub.PublishAsync(Message(NewTopic(), "m"), Stop));
        var subscribe = await Assert.ThrowsAsync<PublishRejectedException>(() => SubscribeAsync(pubsub, NewTopic(), NewInbox()));

        Assert.Equal("component is closed", publish.Message);
        Assert.Equal("component is closed", subscribe.Message);
    }

    [Fact]
    public async Task Closing_a_component_ends_its_subscriptions_and_can_be_repeated()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        var subscription = await SubscribeAsync(pubsub, topic, inbox);
        await pubsub.PublishAsync(Message(topic, "m"), Stop);
        await inbox.WaitForAsync("m");

        await pubsub.DisposeAsync();
        await subscription.PauseAsync(Stop);
        await subscription.DisposeAsync();
        await pubsub.DisposeAsync();

        if (Traits.SharedBetweenInstances)
        {
            var another = await OpenAsync();
            var next = NewInbox();
            await using var successor = await SubscribeAsync(another, topic, next);
            await next.WaitForAsync(await PublishManyAsync(another, topic, 3, "after"));
        }

        Assert.Equal(["m"], inbox.Texts);
    }

    [Fact]
    public async Task A_message_without_a_topic_is_rejected()
    {
        var pubsub = await OpenAsync();

        await Assert.ThrowsAsync<PublishRejectedException>(async () => await pubsub.PublishAsync(Message("", "m"), Stop));
    }

    [Fact]
    public async Task A_caller_that_gave_up_is_told_so()
    {
        var pubsub = await OpenAsync();
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await pubsub.PublishAsync(Message(NewTopic(), "m"), gone.Token));
    }
}
