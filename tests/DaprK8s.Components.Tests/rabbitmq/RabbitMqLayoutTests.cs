using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>
/// Names and arguments at the broker, which a sidecar of another make must find equal. A declaration succeeds only when
/// everything about it equals what is there.
/// </summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqLayoutTests(RabbitMqFixture fixture) : RabbitMqTests(fixture)
{
    private const int PreconditionFailed = 406;

    [Fact]
    public async Task By_default_a_subscription_makes_a_lasting_fanout_exchange_and_a_lasting_classic_queue_that_go_when_unused()
    {
        var topic = NewTopic();
        await SubscribeAsync(await OpenAsync(), topic, new Inbox());
        var channel = await OpenChannelAsync();

        await channel.ExchangeDeclareAsync(topic, "fanout", durable: true, autoDelete: true, cancellationToken: Stop);
        await DeclareQueueAsync(channel, $"app1-{topic}", autoDelete: true, new() { ["x-queue-type"] = "classic" });
        await AssertDiffersAsync($"app1-{topic}", autoDelete: false, new() { ["x-queue-type"] = "classic" });
    }

    [Fact]
    public async Task Subscription_metadata_names_the_queue_and_sets_its_arguments()
    {
        var topic = NewTopic();
        var queue = $"queue-{topic}";
        var pubsub = await OpenAsync(("deletedWhenUnused", "false"), ("maxLen", "7"), ("maxLenBytes", "70000"));
        await SubscribeAsync(
            pubsub, topic, new Inbox(), ("queueName", queue), ("maxPriority", "300"), ("singleActiveConsumer", "true"), ("maxLen", "9"));
        Dictionary<string, object?> expected = new()
        {
            ["x-queue-type"] = "classic",
            ["x-max-length"] = 9,
            ["x-max-length-bytes"] = 70000,
            ["x-max-priority"] = 255,
            ["x-single-active-consumer"] = true,
        };

        await DeclareQueueAsync(await OpenChannelAsync(), queue, autoDelete: false, expected);
        foreach (var name in expected.Keys.Where(n => n != "x-queue-type")) // Absent, it means classic.
        {
            await AssertDiffersAsync(queue, autoDelete: false, new(expected.Where(a => a.Key != name)));
        }
    }

    [Fact]
    public async Task Settings_that_make_things_brief_are_followed()
    {
        var topic = NewTopic();
        await SubscribeAsync(await OpenAsync(("durable", "false"), ("exchangeKind", "direct")), topic, new Inbox());
        var channel = await OpenChannelAsync();

        await channel.ExchangeDeclareAsync(topic, "direct", durable: false, autoDelete: true, cancellationToken: Stop);
        await channel.QueueDeclareAsync(
            $"app1-{topic}",
            durable: false,
            exclusive: false,
            autoDelete: true,
            new Dictionary<string, object?> { ["x-queue-type"] = "classic" },
            cancellationToken: Stop);
    }

    [Fact]
    public async Task With_dead_letters_a_failed_message_lands_in_the_queue_made_for_it()
    {
        var topic = NewTopic();
        var queue = $"app1-{topic}";
        var pubsub = await OpenAsync(("enableDeadLetter", "true"), ("deletedWhenUnused", "false"), ("maxLen", "50"));
        var inbox = new Inbox(_ => Settlement.Nack);
        await SubscribeAsync(pubsub, topic, inbox);
        var channel = await OpenChannelAsync();

        await PublishAsync(pubsub, topic, "bad");

        await inbox.WaitForAsync("bad");
        var dead = await GetAsync(channel, $"dlq-{queue}");
        Assert.Equal("bad", Encoding.UTF8.GetString(dead.Body.Span));
        Assert.Equal(["bad"], inbox.Texts);
        await channel.ExchangeDeclareAsync($"dlx-{queue}", "fanout", durable: true, autoDelete: false, cancellationToken: Stop);
        await DeclareQueueAsync(channel, $"dlq-{queue}", autoDelete: false, new() { ["x-queue-mode"] = "lazy", ["x-max-length"] = 50 });
        await DeclareQueueAsync(
            channel,
            queue,
            autoDelete: false,
            new() { ["x-queue-type"] = "classic", ["x-dead-letter-exchange"] = $"dlx-{queue}", ["x-max-length"] = 50 });
    }

    [Fact]
    public async Task A_quorum_queue_is_made_and_used()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("deletedWhenUnused", "false"), ("publisherConfirm", "true"));
        var inbox = new Inbox();
        await SubscribeAsync(pubsub, topic, inbox, ("queueType", "quorum"));

        await PublishAsync(pubsub, topic, "m");

        await inbox.WaitForAsync("m");
        await DeclareQueueAsync(await OpenChannelAsync(), $"app1-{topic}", autoDelete: false, new() { ["x-queue-type"] = "quorum" });
    }

    [Fact]
    public async Task A_long_queue_name_still_makes_a_consumer_tag_that_fits()
    {
        var topic = NewTopic();
        var inbox = new Inbox();
        var pubsub = await OpenAsync();
        await SubscribeAsync(pubsub, topic, inbox, ("queueName", new string('q', 200) + topic));

        await PublishAsync(pubsub, topic, "m");

        await inbox.WaitForAsync("m");
    }

    [Fact]
    public async Task A_message_carries_what_its_metadata_says_and_no_header()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("deliveryMode", "2"), ("exchangeKind", "topic"), ("publisherConfirm", "true"));
        var (channel, queue) = await SpyAsync(topic, "topic", "a.#");

        await PublishAsync(
            pubsub,
            topic,
            "m",
            ("routingkey", "a.b"),
            ("PRIORITY", "999"),
            ("messageID", "m-1"),
            ("correlationID", "c-1"),
            ("type", "order"),
            ("contentType", "application/json"),
            ("ttl", "1m"),
            ("other", "x"));

        var message = await GetAsync(channel, queue);
        Assert.Equal((topic, "a.b"), (message.Exchange, message.RoutingKey));
        var properties = message.BasicProperties;
        Assert.Equal(
            ("application/json", DeliveryModes.Persistent, (byte)255, "60000"),
            (properties.ContentType, properties.DeliveryMode, properties.Priority, properties.Expiration));
        Assert.Equal(("m-1", "c-1", "order"), (properties.MessageId, properties.CorrelationId, properties.Type));
        Assert.Empty(properties.Headers ?? new Dictionary<string, object?>());
    }

    [Fact]
    public async Task A_message_without_metadata_is_plain_text_and_takes_the_components_time_to_live()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("ttlInSeconds", "90"));
        var (channel, queue) = await SpyAsync(topic, "fanout", "");

        await PublishAsync(pubsub, topic, "m");

        var properties = (await GetAsync(channel, queue)).BasicProperties;
        Assert.Equal(("text/plain", "90000"), (properties.ContentType, properties.Expiration));
        Assert.False(properties.IsDeliveryModePresent());
        Assert.False(properties.IsPriorityPresent());
        Assert.False(properties.IsHeadersPresent());
    }

    [Fact]
    public async Task Publish_metadata_that_makes_no_sense_is_left_out_with_a_warning_that_does_not_repeat_it()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync();
        var (channel, queue) = await SpyAsync(topic, "fanout", "");

        await PublishAsync(pubsub, topic, "m", ("ttl", "soon"), ("priority", "urgent"));

        var properties = (await GetAsync(channel, queue)).BasicProperties;
        Assert.False(properties.IsExpirationPresent());
        Assert.False(properties.IsPriorityPresent());
        Assert.Contains(Log.Lines, l => l.Text.Contains("it is ignored", StringComparison.Ordinal));
        Assert.DoesNotContain(Log.Lines, l => l.Text.Contains("soon", StringComparison.Ordinal));
        Assert.DoesNotContain(Log.Lines, l => l.Text.Contains("urgent", StringComparison.Ordinal));
    }

    /// <summary>A queue of the test's own on a topic's exchange.</summary>
    private async Task<(IChannel Channel, string Queue)> SpyAsync(string topic, string kind, string routingKey)
    {
        var channel = await OpenChannelAsync();
        await channel.ExchangeDeclareAsync(topic, kind, durable: true, autoDelete: true, cancellationToken: Stop);
        var queue = (await channel.QueueDeclareAsync(cancellationToken: Stop)).QueueName;
        await channel.QueueBindAsync(queue, topic, routingKey, cancellationToken: Stop);
        return (channel, queue);
    }

    private static async Task<BasicGetResult> GetAsync(IChannel channel, string queue)
    {
        BasicGetResult? message = null;
        await Eventually.TrueAsync(
            async () => (message = await channel.BasicGetAsync(queue, autoAck: true, Stop)) is not null, $"a message in {queue}");
        return message!;
    }

    private static Task DeclareQueueAsync(IChannel channel, string queue, bool autoDelete, Dictionary<string, object?> arguments)
        => channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete, arguments, cancellationToken: Stop);

    private async Task AssertDiffersAsync(string queue, bool autoDelete, Dictionary<string, object?> arguments)
    {
        var channel = await OpenChannelAsync(); // The broker closes it.
        var refusal = await Assert.ThrowsAsync<OperationInterruptedException>(() => DeclareQueueAsync(channel, queue, autoDelete, arguments));
        Assert.Equal(PreconditionFailed, (int)refusal.ShutdownReason!.ReplyCode);
    }
}
