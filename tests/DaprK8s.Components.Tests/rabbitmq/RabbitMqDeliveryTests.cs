using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using RabbitMQ.Client;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>How messages reach handlers: routing, sharing, limits, answers.</summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqDeliveryTests(RabbitMqFixture fixture) : RabbitMqTests(fixture)
{
    [Fact]
    public async Task Routing_keys_choose_the_subscription_on_a_topic_exchange()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("exchangeKind", "topic"));
        var (europe, rest) = (new Inbox(), new Inbox());
        await SubscribeAsync(pubsub, topic, europe, ("queueName", $"e-{topic}"), ("routingKey", "eu.*,uk"));
        await SubscribeAsync(pubsub, topic, rest, ("queueName", $"r-{topic}"), ("routingKey", "us.#"));

        foreach (var key in new[] { "eu.de", "uk", "us", "us.ca.sf", "eu.de.by" })
        {
            await PublishAsync(pubsub, topic, key, ("routingKey", key));
        }

        await europe.WaitForAsync(["eu.de", "uk"]);
        await rest.WaitForAsync(["us", "us.ca.sf"]);
        Assert.Equal(2, europe.Count);
        Assert.Equal(2, rest.Count);
    }

    [Fact]
    public async Task A_direct_exchange_with_no_routing_key_uses_the_empty_one()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("exchangeKind", "direct"));
        var inbox = new Inbox();
        await SubscribeAsync(pubsub, topic, inbox);

        await PublishAsync(pubsub, topic, "elsewhere", ("routingKey", "k"));
        await PublishAsync(pubsub, topic, "here");

        await inbox.WaitForAsync("here");
        Assert.Equal(["here"], inbox.Texts);
    }

    [Fact]
    public async Task With_a_single_active_consumer_a_second_one_takes_over_when_the_first_ends()
    {
        var topic = NewTopic();
        var (first, second) = (new Inbox(), new Inbox());
        var pubsub = await OpenAsync(("deletedWhenUnused", "false"));
        var active = await SubscribeAsync(pubsub, topic, first, ("singleActiveConsumer", "true"));
        await SubscribeAsync(pubsub, topic, second, ("singleActiveConsumer", "true"));
        for (var i = 0; i < 20; i++)
        {
            await PublishAsync(pubsub, topic, $"m{i}");
        }

        await first.WaitAsync(i => i.Count == 20, "all 20 messages at the active consumer");
        Assert.Equal(0, second.Count);

        await active.DisposeAsync();
        await PublishAsync(pubsub, topic, "next");
        await second.WaitForAsync("next");
    }

    [Fact]
    public async Task No_more_messages_are_with_the_handler_than_the_prefetch_count_allows()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("prefetchCount", "3"));
        var release = new SemaphoreSlim(0);
        var inbox = new Inbox(async (_, _) =>
        {
            await release.WaitAsync();
            return Settlement.Ack;
        });
        await SubscribeAsync(pubsub, topic, inbox);
        var channel = await OpenChannelAsync();
        for (var i = 0; i < 10; i++)
        {
            await PublishAsync(pubsub, topic, $"m{i}");
        }

        await Eventually.TrueAsync(
            async () => (await channel.QueueDeclarePassiveAsync($"app1-{topic}", Stop)).MessageCount == 7, "7 of 10 messages left in the queue");
        await inbox.WaitAsync(i => i.Count == 3, "the three messages that left the queue are with the handler");
        release.Release(10);
        await inbox.WaitAsync(i => i.Count == 10, "the other messages after the first were acknowledged");
    }

    [Fact]
    public async Task Concurrency_single_handles_one_message_at_a_time()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("concurrency", "Single"));
        var (inHandler, most) = (0, 0);
        var inbox = new Inbox(async (_, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inHandler));
            await Task.Delay(1);
            Interlocked.Decrement(ref inHandler);
            return Settlement.Ack;
        });
        await SubscribeAsync(pubsub, topic, inbox);

        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => PublishAsync(pubsub, topic, $"m{i}")));

        await inbox.WaitAsync(i => i.Count == 50, "all 50 messages");
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task With_automatic_acknowledgement_a_failed_message_does_not_come_back_and_a_pause_loses_none()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(
            ("autoAck", "true"),
            ("requeueInFailure", "true"),
            ("concurrencyMode", "single"),
            ("deletedWhenUnused", "false"),
            ("publisherConfirm", "true"));
        var release = new TaskCompletionSource();
        var inbox = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Nack;
        });
        var subscription = await SubscribeAsync(pubsub, topic, inbox);
        var channel = await OpenChannelAsync();
        for (var i = 0; i < 5; i++)
        {
            await PublishAsync(pubsub, topic, $"m{i}");
        }

        await inbox.WaitForAsync("m0");
        await Eventually.TrueAsync(
            async () => (await channel.QueueDeclarePassiveAsync($"app1-{topic}", Stop)).MessageCount == 0, "the broker has sent everything");
        var pause = subscription.PauseAsync(Stop);
        release.SetResult();
        await pause;

        Assert.Equal(["m0", "m1", "m2", "m3", "m4"], inbox.Texts);
    }

    [Fact]
    public async Task Fetched_messages_that_were_not_handed_out_go_back_when_the_subscription_ends()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("concurrencyMode", "single"), ("deletedWhenUnused", "false"), ("publisherConfirm", "true"));
        var release = new TaskCompletionSource();
        var inbox = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Ack;
        });
        var subscription = await SubscribeAsync(pubsub, topic, inbox);
        var channel = await OpenChannelAsync();
        for (var i = 0; i < 5; i++)
        {
            await PublishAsync(pubsub, topic, $"m{i}");
        }

        await inbox.WaitForAsync("m0");
        await subscription.PauseAsync(Stop);
        release.SetResult();
        await subscription.DisposeAsync();

        Assert.Equal(["m0"], inbox.Texts);
        await Eventually.TrueAsync(
            async () => (await channel.QueueDeclarePassiveAsync($"app1-{topic}", Stop)).MessageCount == 4, "4 messages back in the queue");
    }

    [Fact]
    public async Task Message_properties_reach_the_subscriber_when_that_is_switched_on()
    {
        var topic = NewTopic();
        var inbox = new Inbox();
        await SubscribeAsync(await OpenAsync(("publishMessagePropertiesToMetadata", "true")), topic, inbox);
        var properties = new BasicProperties
        {
            MessageId = "m-1",
            CorrelationId = "c-1",
            Type = "order",
            ContentType = "application/json",
            Headers = new Dictionary<string, object?> { ["colour"] = "gr\u00fcn", ["count"] = 3, ["none"] = null },
        };

        await (await OpenChannelAsync()).BasicPublishAsync(topic, "", mandatory: false, properties, Encoding.UTF8.GetBytes("m"), Stop);

        await inbox.WaitForAsync("m");
        var message = inbox.Deliveries[0].Message;
        Assert.Equal("application/json", message.ContentType);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["metadata.messageid"] = "m-1",
                ["metadata.correlationid"] = "c-1",
                ["metadata.type"] = "order",
                ["metadata.contenttype"] = "application/json",
                ["metadata.colour"] = "gr\u00fcn",
                ["metadata.count"] = "3",
            },
            message.Metadata);
    }

    [Fact]
    public async Task A_message_that_the_broker_refuses_is_an_error()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("publisherConfirm", "true"), ("deletedWhenUnused", "false"));
        var channel = await OpenChannelAsync();
        await channel.ExchangeDeclareAsync(topic, "fanout", durable: true, autoDelete: false, cancellationToken: Stop);
        var full = await channel.QueueDeclareAsync(
            "", arguments: new Dictionary<string, object?> { ["x-max-length"] = 1, ["x-overflow"] = "reject-publish" }, cancellationToken: Stop);
        await channel.QueueBindAsync(full.QueueName, topic, "", cancellationToken: Stop);
        await PublishAsync(pubsub, topic, "fits");

        var refused = await Assert.ThrowsAsync<BrokerUnavailableException>(() => PublishAsync(pubsub, topic, "too many"));

        Assert.Contains("did not receive confirmation of publishing", refused.Message);
        await channel.QueuePurgeAsync(full.QueueName, Stop);
        await PublishAsync(pubsub, topic, "fits again");
    }
}
