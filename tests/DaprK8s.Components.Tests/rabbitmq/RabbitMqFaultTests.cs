using System.Collections.Concurrent;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>What happens when the broker, a queue or an exchange goes away.</summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqFaultTests(RabbitMqFixture fixture) : RabbitMqTests(fixture)
{
    [Theory]
    [InlineData("classic", true)]
    [InlineData("classic", false)]
    [InlineData("quorum", false)] // Killed this young, a single broker of version 3.10 never finds a leader for its queue again.
    public async Task No_confirmed_message_is_lost_when_the_broker_goes_away_in_mid_traffic(string queueType, bool killed)
    {
        await using var own = killed ? await RabbitMqServer.StartAsync() : null; // A crash is no business of the other tests.
        var server = own ?? Fixture.Server;
        var topic = NewTopic();
        var pubsub = await OpenAsync(
            ("connectionString", server.ConnectionString), ("deletedWhenUnused", "false"), ("deliveryMode", "2"), ("publisherConfirm", "true"),
            ("requeueInFailure", "true"), ("prefetchCount", "50"));
        var backAgain = new TaskCompletionSource();
        var inbox = new Inbox(async (_, _) =>
        {
            await backAgain.Task; // So that there is something to lose.
            return Settlement.Ack;
        });
        await SubscribeAsync(pubsub, topic, inbox, ("queueType", queueType));
        using var done = new CancellationTokenSource();
        var confirmed = new ConcurrentQueue<string>();
        var failures = 0;
        var publishers = Enumerable.Range(0, 4).Select(p => Task.Run(
            async () =>
            {
                for (var i = 0; !done.IsCancellationRequested; i++)
                {
                    try
                    {
                        await PublishAsync(pubsub, topic, $"p{p}-{i}");
                        confirmed.Enqueue($"p{p}-{i}");
                    }
                    catch (BrokerUnavailableException)
                    {
                        Interlocked.Increment(ref failures);
                    }
                }
            },
            Stop)).ToArray();
        await Eventually.TrueAsync(() => confirmed.Count > 200, "200 messages before the crash");

        if (killed)
        {
            await server.StopAsync();
            await Eventually.TrueAsync(() => Volatile.Read(ref failures) > 0, "publishing fails while there is no broker");
        }

        await server.RestartAsync();
        var atRestart = confirmed.Count;
        await Eventually.TrueAsync(() => confirmed.Count > atRestart + 200, "200 messages after the crash");
        await done.CancelAsync();
        await Task.WhenAll(publishers);
        backAgain.SetResult();

        await inbox.WaitForAsync(confirmed);
    }

    [Fact]
    public async Task Subscriptions_and_publishing_go_on_after_a_broker_that_froze_answers_again()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("deletedWhenUnused", "false"), ("heartBeat", "1s"), ("requeueInFailure", "true"));
        var inbox = new Inbox();
        await SubscribeAsync(pubsub, topic, inbox);
        await PublishAsync(pubsub, topic, "before");
        await inbox.WaitForAsync("before");

        await WhileFrozenAsync(() => Eventually.TrueAsync(
            () => Log.Lines.Any(l => l.Text.Contains("the connection is lost", StringComparison.Ordinal)), "the silence is noticed"));

        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await PublishAsync(pubsub, topic, "after");
                }
                catch (BrokerUnavailableException)
                {
                    return false;
                }

                return inbox.Texts.Contains("after");
            },
            "messages flow again");
    }

    [Fact]
    public async Task A_publish_that_is_not_confirmed_in_time_is_sent_again_on_another_channel()
    {
        var topic = NewTopic();
        var time = new FakeTimeProvider();
        await using var pubsub = await ComponentUnderTest.StartAsync<IPubSub>(
            "pubsub.rabbitmq",
            new Dictionary<string, string>
            {
                ["connectionString"] = Fixture.Server.ConnectionString,
                ["publisherConfirm"] = "true",
                ["heartBeat"] = "1h",
                ["consumerID"] = "app1",
                ["deletedWhenUnused"] = "false",
            },
            time: time,
            logger: Log);
        var inbox = new Inbox();
        await SubscribeAsync(pubsub, topic, inbox);
        await PublishAsync(pubsub, topic, "before");
        await inbox.WaitForAsync("before");

        var publish = Task.CompletedTask;
        await WhileFrozenAsync(() =>
        {
            publish = PublishAsync(pubsub, topic, "late");
            return Eventually.TrueAsync(
                () =>
                {
                    time.Advance(TimeSpan.FromSeconds(1));
                    return Log.Lines.Any(l => l.Text.Contains("did not confirm within", StringComparison.Ordinal));
                },
                "the missing confirmation is noticed");
        });

        // The clock goes on: a broker that took long to wake up may have cost the subscription its connection too.
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(20));
                return publish.IsCompleted && inbox.Texts.Contains("late");
            },
            "the message arrives");
        await publish;
    }

    [Fact]
    public async Task A_subscription_survives_the_deletion_of_its_queue()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync();
        var inbox = new Inbox();
        await SubscribeAsync(pubsub, topic, inbox);
        var channel = await OpenChannelAsync();

        await channel.QueueDeleteAsync($"app1-{topic}", ifUnused: false, ifEmpty: false, cancellationToken: Stop);

        await Eventually.TrueAsync(
            async () =>
            {
                await PublishAsync(pubsub, topic, "after");
                return inbox.Texts.Contains("after");
            },
            "the queue is made and consumed anew");
    }

    [Fact]
    public async Task Publishing_goes_on_after_the_exchange_was_deleted_behind_its_back()
    {
        var topic = NewTopic();
        var pubsub = await OpenAsync(("publisherConfirm", "true"));
        await PublishAsync(pubsub, topic, "first");
        var channel = await OpenChannelAsync();

        await channel.ExchangeDeleteAsync(topic, cancellationToken: Stop);
        await PublishAsync(pubsub, topic, "second");

        await channel.ExchangeDeclarePassiveAsync(topic, Stop);
    }

    [Fact]
    public async Task While_the_broker_is_away_a_publish_fails_as_unavailable_and_does_not_hang()
    {
        await using var relay = new TcpRelay(Fixture.Server.Port);
        var pubsub = await OpenAsync(("connectionString", Through(relay)));
        await relay.StopAsync();

        await Assert.ThrowsAsync<BrokerUnavailableException>(() => PublishAsync(pubsub, NewTopic(), "m"));
    }

    [Fact]
    public async Task A_caller_that_gives_up_while_the_broker_is_away_is_told_so()
    {
        await using var relay = new TcpRelay(Fixture.Server.Port);
        var pubsub = await OpenAsync(("connectionString", Through(relay)), ("reconnectWaitSeconds", "1h"));
        await relay.StopAsync();
        using var patience = new CancellationTokenSource();

        var publish = pubsub.PublishAsync(new PublishMessage(NewTopic(), default), patience.Token);
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await publish);
    }

    [Fact]
    public async Task Closing_the_component_ends_a_subscription_that_still_waits_for_its_queue()
    {
        var topic = NewTopic();
        var channel = await OpenChannelAsync();
        await channel.QueueDeclareAsync($"app1-{topic}", durable: true, exclusive: true, autoDelete: true, cancellationToken: Stop);
        var pubsub = await OpenAsync();
        var subscribing = SubscribeAsync(pubsub, topic, new Inbox());
        await Eventually.TrueAsync(
            () => Log.Lines.Any(l => l.Text.Contains("RESOURCE_LOCKED", StringComparison.Ordinal)), "the broker's reason in the log");

        await pubsub.DisposeAsync();

        var refusal = await Assert.ThrowsAsync<PublishRejectedException>(() => subscribing);
        Assert.Equal("component is closed", refusal.Message);
    }

    [Fact]
    public async Task A_component_closes_while_its_broker_is_away()
    {
        await using var relay = new TcpRelay(Fixture.Server.Port);
        var pubsub = await OpenAsync(("connectionString", Through(relay)));
        var topic = NewTopic();
        await SubscribeAsync(pubsub, topic, new Inbox());
        await PublishAsync(pubsub, topic, "m");
        await relay.StopAsync();

        await pubsub.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop);
    }

    private async Task WhileFrozenAsync(Func<Task> act)
    {
        await Fixture.Server.PauseAsync();
        try
        {
            await act();
        }
        finally
        {
            await Fixture.Server.ResumeAsync();
        }
    }

    private string Through(TcpRelay relay) => $"amqp://{Fixture.Server.User}:{Fixture.Server.Password}@127.0.0.1:{relay.Port}";
}
