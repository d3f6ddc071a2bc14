using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Which messages are delivered again, to whom, and which are not.</summary>
public sealed class RedisStreamReclaimTests(RedisServerFixture fixture) : RedisStreamsTests, IClassFixture<RedisServerFixture>
{
    // Far longer than a test waits: whoever gets a message in spite of it, did not wait for it to time out.
    private static readonly (string, string) LongTimeout = ("processingTimeout", "10m");
    private static readonly (string, string) ShortTimeout = ("processingTimeout", "500ms");
    private static readonly (string, string) ShortInterval = ("redeliverInterval", "100ms");

    protected override RedisServer Server => fixture.Server;

    [Fact]
    public async Task Messages_that_a_dead_consumer_fetched_are_delivered_to_another_after_the_processing_timeout()
    {
        var pubsub = await OpenAsync(ShortTimeout, ShortInterval, ("queueDepth", "7"));
        var texts = await PublishManyAsync(pubsub, 50);
        Assert.Equal(30, (await FetchAndDieAsync(30)).Length);

        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await inbox.WaitForAsync(texts);
        await SettledAsync();
    }

    [Fact]
    public async Task Lost_messages_are_found_behind_more_than_a_page_of_messages_at_work()
    {
        var pubsub = await OpenAsync(ShortTimeout, ShortInterval, ("queueDepth", "5"));
        await PublishManyAsync(pubsub, 30);
        var fetched = await FetchAndDieAsync(30);
        var inbox = new Inbox();

        // Everything before the last one is with somebody else, who keeps it busy.
        var atWork = fetched[..^1].Select(e => e.Id).ToArray();
        using var found = new CancellationTokenSource();
        var busy = Task.Run(
            async () =>
            {
                while (!found.IsCancellationRequested)
                {
                    await Raw.Database.StreamClaimIdsOnlyAsync(Topic, Group, "busy", 0, atWork);
                    await Task.Delay(20, found.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            },
            Stop);
        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await inbox.WaitForAsync("m29");
        await found.CancelAsync();
        await busy;
    }

    [Fact]
    public async Task A_message_that_its_handler_fails_at_in_time_is_acknowledged_and_dropped()
    {
        var pubsub = await OpenAsync(LongTimeout, ShortInterval);
        var inbox = new Inbox(d => d.Text == "bad" ? Settlement.Nack : Settlement.Ack);
        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await PublishAsync(pubsub, "bad");
        await PublishAsync(pubsub, "good");

        await inbox.WaitForAsync(["bad", "good"]);
        await SettledAsync();
        Assert.Equal(2, inbox.Count);
        Assert.Contains(Log.Lines, l => l.Text.Contains("dropped", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Settlement.Nack)]
    [InlineData(Settlement.Leave)]
    public async Task A_message_that_takes_longer_than_the_processing_timeout_is_delivered_again(Settlement answer)
    {
        var pubsub = await OpenAsync(ShortTimeout, ShortInterval);
        var inbox = new Inbox(async (d, token) =>
        {
            if (d.Attempt == 1)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return answer;
            }

            return Settlement.Ack;
        });
        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await PublishAsync(pubsub, "slow");

        await inbox.WaitAsync(i => i.Count == 2, "a second delivery");
        await SettledAsync();
    }

    [Fact]
    public async Task A_message_that_is_left_goes_to_another_consumer_without_waiting_for_the_processing_timeout()
    {
        var leaving = new Inbox(async (_, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return Settlement.Leave;
        });
        var first = await OpenAsync(LongTimeout, ShortInterval);
        var subscription = await SubscribeAsync(first, leaving);
        await PublishAsync(first, "m");
        await leaving.WaitForAsync("m");
        var inbox = new Inbox();
        await using var other = await SubscribeAsync(await OpenAsync(LongTimeout, ShortInterval), inbox);

        await subscription.DisposeAsync();

        await inbox.WaitForAsync("m");
        await SettledAsync();
    }

    [Fact]
    public async Task Messages_that_were_fetched_ahead_go_to_another_consumer_as_soon_as_the_subscription_is_paused()
    {
        var release = new TaskCompletionSource();
        var busy = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Ack;
        });
        var first = await OpenAsync(LongTimeout, ShortInterval, ("concurrency", "1"));
        var subscription = await SubscribeAsync(first, busy);
        var texts = await PublishManyAsync(first, 20);
        await Eventually.TrueAsync(async () => await Raw.PendingAsync(Topic, Group) == 20, "all messages are fetched");
        var inbox = new Inbox();
        await using var other = await SubscribeAsync(await OpenAsync(LongTimeout, ShortInterval), inbox);

        await subscription.PauseAsync(Stop);
        await inbox.WaitForAsync(texts[1..]);
        release.SetResult();
        await subscription.DisposeAsync();

        Assert.Equal(["m0"], busy.Texts);
        Assert.DoesNotContain("m0", inbox.Texts);
        await SettledAsync();
    }

    [Fact]
    public async Task No_message_falls_between_a_pause_and_what_comes_in_at_the_same_moment()
    {
        var pubsub = await OpenAsync(LongTimeout, ShortInterval);
        var inbox = new Inbox();
        List<string> texts = [];
        for (var round = 0; round < 30; round++)
        {
            var subscription = await SubscribeAsync(pubsub, inbox);
            var number = round;
            var publishing = Task.Run(() => PublishManyAsync(pubsub, 20, $"r{number}-"), Stop);
            await subscription.PauseAsync(Stop);
            await subscription.DisposeAsync();
            texts.AddRange(await publishing);
        }

        await using var last = await SubscribeAsync(pubsub, inbox);

        await inbox.WaitForAsync(texts);
        await SettledAsync();
    }

    [Fact]
    public async Task Messages_that_wait_for_a_handler_longer_than_the_processing_timeout_are_not_delivered_twice()
    {
        // Long beside what a busy machine may delay a sign of life by, and short beside what ten messages take one after the other.
        (string, string) timeout = ("processingTimeout", "2500ms");
        var first = await OpenAsync(timeout, ShortInterval, ("concurrency", "1"));
        var second = await OpenAsync(timeout, ShortInterval);
        var slow = new Inbox(async (_, _) =>
        {
            await Task.Delay(400, Stop); // The work that a handler does.
            return Settlement.Ack;
        });
        var texts = await PublishManyAsync(first, 10);
        await using var a = await SubscribeAsync(first, slow);
        await Eventually.TrueAsync(async () => await Raw.PendingAsync(Topic, Group) > 0, "the slow subscription has the messages");
        var quick = new Inbox();
        await using var b = await SubscribeAsync(second, quick);

        await slow.WaitAsync(s => texts.All(s.Texts.Concat(quick.Texts).Contains), "every message at one of the two");
        await SettledAsync();

        Assert.Equal(texts.Length, slow.Count + quick.Count);
    }

    [Theory]
    [InlineData("processingTimeout")]
    [InlineData("redeliverInterval")]
    public async Task Zero_means_that_nothing_is_delivered_again_and_handlers_are_not_timed(string field)
    {
        var pubsub = await OpenAsync(ComponentSettings(field));
        await PublishAsync(pubsub, "lost");
        await FetchAndDieAsync(1);
        var inbox = new Inbox((_, token) => ValueTask.FromResult(token.IsCancellationRequested ? Settlement.Nack : Settlement.Ack));
        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await PublishAsync(pubsub, "new");
        await inbox.WaitForAsync("new");
        var calls = await Raw.CallsAsync("xpending");
        await using var control = await SubscribeAsync(await OpenAsync(ShortTimeout, ShortInterval, ("consumerID", "control")), new Inbox());
        await Eventually.TrueAsync(async () => await Raw.CallsAsync("xpending") > calls + 10, "a subscription that redelivers looks for messages");

        Assert.Equal(["new"], inbox.Texts);
        Assert.Equal(1, await Raw.PendingAsync(Topic, Group));

        static (string, string)[] ComponentSettings(string zero)
            => [.. new (string Name, string)[] { ShortTimeout, ShortInterval }.Where(s => s.Name != zero), (zero, "0")];
    }

    [Fact]
    public async Task Messages_that_were_trimmed_away_do_not_stay_pending()
    {
        var pubsub = await OpenAsync(ShortTimeout, ShortInterval);
        await PublishManyAsync(pubsub, 5);
        var fetched = await FetchAndDieAsync(5);
        await Raw.Database.StreamDeleteAsync(Topic, [fetched[1].Id, fetched[3].Id]);

        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await inbox.WaitForAsync(["m0", "m2", "m4"]);
        await SettledAsync();
        Assert.Equal(3, inbox.Count);
    }

    [Fact]
    public async Task A_consumer_of_Dapr_and_one_of_this_kind_share_a_group()
    {
        var pubsub = await OpenAsync(ShortTimeout, ShortInterval);
        var inbox = new Inbox();
        var texts = await PublishManyAsync(pubsub, 10);
        await Raw.Database.StreamCreateConsumerGroupAsync(Topic, Group, "0-0");
        var theirs = await Raw.Database.StreamReadGroupAsync(Topic, Group, Group, ">", 4);
        await Raw.Database.StreamAcknowledgeAsync(Topic, Group, [.. theirs.Select(e => e.Id)]);

        await using var subscription = await SubscribeAsync(pubsub, inbox);

        await inbox.WaitForAsync(texts[4..]);
        await SettledAsync();
        Assert.Equal(texts[4..], inbox.Texts.Order());
    }

    private async Task<string[]> PublishManyAsync(IPubSub pubsub, int count, string prefix = "m")
    {
        var texts = Enumerable.Range(0, count).Select(i => $"{prefix}{i}").ToArray();
        foreach (var text in texts)
        {
            await PublishAsync(pubsub, text);
        }

        return texts;
    }
}
