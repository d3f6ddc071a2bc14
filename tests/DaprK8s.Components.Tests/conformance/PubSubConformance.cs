using System.Text;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>
/// What every pub/sub component must do (contract: components 4.1 and 13.2, <see cref="IPubSub"/>). A component's test class
/// derives from it, names its type and settings, and says in <see cref="Traits"/> where the broker promises less. This part
/// holds the tests of delivery; the life of subscriptions and components is in the other one.
/// </summary>
public abstract partial class PubSubConformance : IAsyncLifetime
{
    private readonly List<IPubSub> opened = [];

    /// <summary>The type, as in a Component resource.</summary>
    protected abstract string ComponentType { get; }

    /// <summary>The metadata of the component without <c>consumerID</c>; the same for all instances of one test.</summary>
    protected abstract IReadOnlyDictionary<string, string> Settings { get; }

    /// <summary>What the broker promises.</summary>
    protected virtual PubSubTraits Traits { get; } = new();

    /// <inheritdoc/>
    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        foreach (var pubsub in opened)
        {
            await pubsub.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>An initialised instance, as a sidecar of its own would have it. Disposed with the test.</summary>
    protected async Task<IPubSub> OpenAsync(string consumerId = "group-a")
    {
        var pubsub = await ComponentUnderTest.StartAsync<IPubSub>(
            ComponentType, Settings.Append(new("consumerID", consumerId)), logger: Log, appId: consumerId);
        opened.Add(pubsub);
        return pubsub;
    }

    /// <summary>What the instances of this test logged.</summary>
    protected RecordingLogger Log { get; } = new();

    /// <summary>Ends with the test.</summary>
    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A topic name of this test's own.</summary>
    protected static string NewTopic(string name = "orders") => $"{name}-{Guid.NewGuid():N}";

    /// <summary>A message.</summary>
    protected static PublishMessage Message(string topic, string text, params (string Name, string Value)[] metadata)
        => new(topic, Encoding.UTF8.GetBytes(text)) { Metadata = metadata.ToDictionary(m => m.Name, m => m.Value) };

    /// <summary>Publishes numbered messages one after the other and returns their texts.</summary>
    protected static async Task<string[]> PublishManyAsync(IPubSub pubsub, string topic, int count, string prefix = "m")
    {
        var texts = Enumerable.Range(0, count).Select(i => $"{prefix}{i}").ToArray();
        foreach (var text in texts)
        {
            await pubsub.PublishAsync(Message(topic, text), Stop);
        }

        return texts;
    }

    /// <summary>Subscribes an inbox.</summary>
    protected static Task<ISubscription> SubscribeAsync(IPubSub pubsub, string topic, Inbox inbox)
        => pubsub.SubscribeAsync(new SubscribeRequest(topic, EmptyMetadata.Instance), inbox.HandleAsync, Stop);

    /// <summary>An inbox with this suite's patience.</summary>
    protected Inbox NewInbox(Func<Delivery, Settlement>? answer = null)
        => new(answer ?? (_ => Settlement.Ack)) { Patience = Traits.Patience };

    [Fact]
    public async Task Messages_published_after_subscribing_all_arrive()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        var texts = await PublishManyAsync(pubsub, topic, 10);

        await inbox.WaitForAsync(texts);
        Assert.All(inbox.Deliveries, d => Assert.Equal(topic, d.Message.Topic));
    }

    [Fact]
    public async Task Publishing_to_a_topic_that_nobody_subscribed_succeeds_and_does_not_disturb_a_later_subscription()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        await PublishManyAsync(pubsub, topic, 3, "early");
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        var texts = await PublishManyAsync(pubsub, topic, 3, "late");

        await inbox.WaitForAsync(texts);
    }

    [Fact]
    public async Task Messages_of_one_publisher_are_handed_out_in_publish_order()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        var texts = await PublishManyAsync(pubsub, topic, 100);

        await inbox.WaitForAsync(texts);
        var received = inbox.Texts.Distinct();
        Assert.Equal(texts, Traits.InOrder ? received : received.OrderBy(t => int.Parse(t[1..])));
    }

    [Fact]
    public async Task A_message_that_was_nacked_is_delivered_again_until_it_is_acknowledged()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox(d => d.Text is "m3" or "m7" && d.Attempt == 1 ? Settlement.Nack : Settlement.Ack);
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        var texts = await PublishManyAsync(pubsub, topic, 10);

        await inbox.WaitForAsync(texts);
        if (Traits.RedeliversNacked)
        {
            await inbox.WaitAsync(i => i.Count >= 12, "both nacked messages a second time");
        }

        Assert.All(inbox.Deliveries, d => Assert.Equal(topic, d.Message.Topic));
    }

    [Fact]
    public async Task Each_of_two_topics_has_its_own_messages()
    {
        var pubsub = await OpenAsync();
        var (topicA, topicB) = (NewTopic("a"), NewTopic("b"));
        var (inboxA, inboxB) = (NewInbox(), NewInbox());
        await using var a = await SubscribeAsync(pubsub, topicA, inboxA);
        await using var b = await SubscribeAsync(pubsub, topicB, inboxB);

        var textsA = await PublishManyAsync(pubsub, topicA, 10, "a");
        var textsB = await PublishManyAsync(pubsub, topicB, 10, "b");

        await inboxA.WaitForAsync(textsA);
        await inboxB.WaitForAsync(textsB);
        Assert.All(inboxA.Texts, t => Assert.StartsWith("a", t));
        Assert.All(inboxB.Texts, t => Assert.StartsWith("b", t));
    }

    [Fact]
    public async Task Every_consumer_id_gets_every_message()
    {
        var publisher = await OpenAsync("group-a");
        var other = Traits.SharedBetweenInstances ? await OpenAsync("group-b") : publisher;
        var topic = NewTopic();
        var (inboxA, inboxB) = (NewInbox(), NewInbox());
        await using var a = await SubscribeAsync(publisher, topic, inboxA);
        await using var b = await SubscribeAsync(other, topic, inboxB);

        var texts = await PublishManyAsync(publisher, topic, 20);

        await inboxA.WaitForAsync(texts);
        await inboxB.WaitForAsync(texts);
    }

    [Fact]
    public async Task Subscribers_with_one_consumer_id_share_the_messages()
    {
        var first = await OpenAsync();
        var second = Traits.SharedBetweenInstances ? await OpenAsync() : first;
        var topic = NewTopic();
        var (inboxA, inboxB) = (NewInbox(), NewInbox());
        await using var a = await SubscribeAsync(first, topic, inboxA);
        await using var b = await SubscribeAsync(second, topic, inboxB);

        var texts = await PublishManyAsync(first, topic, 100);

        if (Traits.CompetingConsumers)
        {
            await inboxA.WaitAsync(
                i => texts.All(i.Texts.Concat(inboxB.Texts).ToHashSet().Contains), "every message at one of the two");
            Assert.Equal(texts.Length, inboxA.Count + inboxB.Count);
        }
        else
        {
            await inboxA.WaitForAsync(texts);
            await inboxB.WaitForAsync(texts);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(1 << 20)]
    public async Task A_payload_arrives_byte_for_byte_whatever_its_size(int size)
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);
        var payload = Enumerable.Range(0, size).Select(i => (byte)(255 - (i % 256))).ToArray();

        await pubsub.PublishAsync(new PublishMessage(topic, payload), Stop);

        await inbox.WaitAsync(i => i.Count > 0, $"a message of {size} bytes");
        Assert.True(payload.AsSpan().SequenceEqual(inbox.Deliveries[0].Copy), "the payload was changed on its way");
    }

    [Fact]
    public async Task A_payload_stays_untouched_until_the_message_is_settled_and_the_publisher_may_reuse_its_own()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var release = new TaskCompletionSource();
        var inbox = new Inbox(async (d, _) =>
        {
            if (d.Text == "m0")
            {
                await release.Task;
            }

            return Settlement.Ack;
        })
        { Patience = Traits.Patience };
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);
        var buffer = new byte[2];
        foreach (var text in Enumerable.Range(0, 10).Select(i => $"m{i}"))
        {
            Encoding.UTF8.GetBytes(text, buffer);
            await pubsub.PublishAsync(new PublishMessage(topic, buffer), Stop);
        }

        await inbox.WaitForAsync("m0");
        await PublishManyAsync(pubsub, topic, 50, "later");
        var held = inbox.Deliveries.First(d => d.Text == "m0");
        Assert.Equal("m0", Encoding.UTF8.GetString(held.Message.Data.Span));
        release.SetResult();
        await inbox.WaitForAsync([.. Enumerable.Range(0, 10).Select(i => $"m{i}")]);
    }

    [Fact]
    public async Task Publish_metadata_reaches_the_subscriber_where_the_broker_carries_it()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        await pubsub.PublishAsync(Message(topic, "m", ("colour", "gr\u00fcn \ud83c\udf3f"), ("traceid", "00-1")), Stop);

        await inbox.WaitForAsync("m");
        var metadata = inbox.Deliveries[0].Message.Metadata;
        Assert.Equal(Traits.CarriesMetadata ? "gr\u00fcn \ud83c\udf3f" : null, metadata.GetValueOrDefault("colour"));
        Assert.Equal(Traits.CarriesMetadata ? "00-1" : null, metadata.GetValueOrDefault("traceid"));
    }

    [Fact]
    public async Task No_message_of_parallel_publishers_is_lost()
    {
        var pubsub = await OpenAsync();
        var topic = NewTopic();
        var inbox = NewInbox();
        await using var subscription = await SubscribeAsync(pubsub, topic, inbox);

        var texts = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            p => Task.Run(() => PublishManyAsync(pubsub, topic, 50, $"p{p}-"), Stop)));

        await inbox.WaitForAsync([.. texts.SelectMany(t => t)]);
    }

    [Fact]
    public async Task A_handler_that_hangs_does_not_hold_up_other_subscriptions()
    {
        var pubsub = await OpenAsync();
        var (slowTopic, topic) = (NewTopic("slow"), NewTopic());
        var release = new TaskCompletionSource();
        var slow = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Ack;
        })
        { Patience = Traits.Patience };
        var inbox = NewInbox();
        await using var a = await SubscribeAsync(pubsub, slowTopic, slow);
        await using var b = await SubscribeAsync(pubsub, topic, inbox);
        var slowTexts = await PublishManyAsync(pubsub, slowTopic, 20, "slow");
        await slow.WaitAsync(i => i.Count > 0, "the slow subscription's first message");

        var texts = await PublishManyAsync(pubsub, topic, 20);

        await inbox.WaitForAsync(texts);
        release.SetResult();
        await slow.WaitForAsync(slowTexts);
    }
}
