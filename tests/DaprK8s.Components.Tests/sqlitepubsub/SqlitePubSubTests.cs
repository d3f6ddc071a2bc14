using System.Text;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.SqlitePubSub;

/// <summary>What the embedded broker promises beyond the suite: back-off, leases, retention, a tidy file.</summary>
public sealed class SqlitePubSubTests : IAsyncDisposable
{
    private readonly BrokerDirectory directory = new();
    private readonly List<IAsyncDisposable> opened = [];
    private readonly FakeTimeProvider time = new(DateTimeOffset.UtcNow);
    private readonly RecordingLogger log = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        opened.Reverse();
        foreach (var item in opened)
        {
            await item.DisposeAsync();
        }

        directory.Dispose();
    }

    [Fact]
    public async Task A_new_consumer_id_gets_what_is_published_from_its_first_subscription_on()
    {
        var pubsub = await OpenAsync("early");
        var (early, late) = (new Inbox(), new Inbox());
        await SubscribeAsync(pubsub, "orders", early);
        await PublishAsync(pubsub, "orders", "before");

        await SubscribeAsync(await OpenAsync("late"), "orders", late);
        await PublishAsync(pubsub, "orders", "after");

        await early.WaitForAsync(["before", "after"]);
        await late.WaitForAsync("after");
        Assert.Equal(["after"], late.Texts);
    }

    [Fact]
    public async Task A_failed_message_waits_twice_as_long_after_each_failure()
    {
        var pubsub = await OpenAsync("app1", ("redeliverInterval", "1s"), ("maxRedeliverInterval", "3s"));
        var inbox = new Inbox(d => d.Text == "bad" ? Settlement.Nack : Settlement.Ack);
        await SubscribeAsync(pubsub, "orders", inbox);
        await PublishAsync(pubsub, "orders", "bad");
        await inbox.WaitForAsync("bad");

        foreach (var (wait, attempt) in new[] { (1000, 2), (2000, 3), (3000, 4), (3000, 5) })
        {
            await SettledAsync(pubsub, inbox);
            time.Advance(TimeSpan.FromMilliseconds(wait - 1));
            await SettledAsync(pubsub, inbox);
            Assert.Equal(attempt - 1, inbox.Texts.Count(t => t == "bad"));
            time.Advance(TimeSpan.FromMilliseconds(1));
            await inbox.WaitAsync(i => i.Texts.Count(t => t == "bad") == attempt, $"delivery {attempt} of the failed message");
        }
    }

    [Fact]
    public async Task A_message_whose_handler_takes_long_is_not_given_to_another_consumer_while_its_process_lives()
    {
        var first = await OpenAsync("app1", ("visibilityTimeout", "10s"));
        var second = await OpenAsync("app1", ("visibilityTimeout", "10s"));
        var release = new TaskCompletionSource();
        var slow = new Inbox(async (d, token) =>
        {
            if (d.Text == "long")
            {
                await release.Task.WaitAsync(token);
            }

            return Settlement.Ack;
        });
        var subscription = await SubscribeAsync(first, "orders", slow);
        await PublishAsync(first, "orders", "long");
        await slow.WaitForAsync("long");
        var other = new Inbox();
        await SubscribeAsync(second, "orders", other);

        for (var i = 0; i < 20; i++)
        {
            time.Advance(TimeSpan.FromSeconds(2));
            await Eventually.TrueAsync(
                () =>
                {
                    // The clock goes on: the timer may have been set only after the step.
                    time.Advance(TimeSpan.FromMilliseconds(20));
                    return directory.Query("SELECT MIN(visible_at) FROM pubsub_claim") > time.GetUtcNow().AddSeconds(5).ToUnixTimeMilliseconds();
                },
                "the claim is prolonged");
        }

        await PublishAsync(first, "orders", "fence");
        await other.WaitAsync(i => i.Count + slow.Count == 2, "the next message at one of the two");
        Assert.DoesNotContain("long", other.Texts);
        release.SetResult();
        await subscription.DisposeAsync();
        Assert.Equal(0, directory.Query("SELECT COUNT(*) FROM pubsub_claim"));
    }

    [Fact]
    public async Task Messages_leave_the_file_once_every_consumer_id_is_done_with_them()
    {
        var pubsub = await OpenAsync();
        var (a, b) = (new Inbox(), new Inbox());
        await SubscribeAsync(pubsub, "orders", a);
        var slow = await SubscribeAsync(await OpenAsync("slow"), "orders", b);
        await slow.DisposeAsync();
        for (var i = 0; i < 20; i++)
        {
            await PublishAsync(pubsub, "orders", $"m{i}");
        }

        await a.WaitAsync(i => i.Count == 20, "all messages");
        time.Advance(TimeSpan.FromMinutes(1));
        await SettledAsync(pubsub, a);
        Assert.Equal(21, directory.Query("SELECT COUNT(*) FROM pubsub_message"));

        await SubscribeAsync(await OpenAsync("slow"), "orders", b);
        await b.WaitAsync(i => i.Count == 21, "all messages at the consumer that was away");
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return directory.Query("SELECT COUNT(*) FROM pubsub_message") == 0;
            },
            "an empty file");
    }

    [Fact]
    public async Task A_topic_that_nobody_ever_subscribed_takes_no_room()
    {
        var pubsub = await OpenAsync();

        await PublishAsync(pubsub, "orders", "m");

        Assert.Equal(0, directory.Query("SELECT COUNT(*) FROM pubsub_message"));
    }

    [Fact]
    public async Task After_the_retention_time_an_absent_consumer_and_its_messages_are_forgotten()
    {
        var pubsub = await OpenAsync("app1", ("retention", "1h"));
        await (await SubscribeAsync(await OpenAsync("gone", ("retention", "1h")), "orders", new Inbox())).DisposeAsync();
        var inbox = new Inbox();
        await SubscribeAsync(pubsub, "orders", inbox);
        await PublishAsync(pubsub, "orders", "m");
        await inbox.WaitForAsync("m");
        Assert.Equal(2, directory.Query("SELECT COUNT(*) FROM pubsub_group"));

        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return directory.Query("SELECT COUNT(*) FROM pubsub_group") == 1
                    && directory.Query("SELECT COUNT(*) FROM pubsub_message") == 0;
            },
            "only the consumer that is there, and no message");
        await PublishAsync(pubsub, "orders", "still there");
        await inbox.WaitForAsync("still there");
    }

    [Fact]
    public async Task While_another_process_holds_the_file_publishing_fails_and_no_answer_is_lost()
    {
        var pubsub = await OpenAsync("app1", ("busyTimeout", "20ms"));
        var release = new TaskCompletionSource();
        var inbox = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Ack;
        });
        var subscription = await SubscribeAsync(pubsub, "orders", inbox);
        await PublishAsync(pubsub, "orders", "m");
        await inbox.WaitForAsync("m");

        await using (var holder = directory.Open())
        {
            await new SqliteCommand("BEGIN IMMEDIATE", holder).ExecuteNonQueryAsync(Stop);
            await Assert.ThrowsAsync<BrokerUnavailableException>(() => PublishAsync(pubsub, "orders", "refused"));
            release.SetResult();
            await Assert.ThrowsAsync<BrokerUnavailableException>(() => PublishAsync(pubsub, "orders", "refused too"));
        }

        await PublishAsync(pubsub, "orders", "taken");
        await inbox.WaitForAsync("taken");
        await subscription.DisposeAsync();
        Assert.Equal(0, directory.Query("SELECT COUNT(*) FROM pubsub_claim"));
        Assert.Equal(["m", "taken"], inbox.Texts);
        Assert.Single(log.Lines, l => l.Text.Contains("can't be used", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Many_instances_can_make_one_file_at_the_same_time()
        => await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => OpenAsync($"app{i}"), Stop)));

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused()
    {
        await (await OpenAsync()).DisposeAsync();
        await using (var connection = directory.Open())
        {
            await new SqliteCommand("UPDATE pubsub_layout SET version = 2", connection).ExecuteNonQueryAsync(Stop);
        }

        var problem = await Assert.ThrowsAsync<InvalidOperationException>(() => OpenAsync());
        Assert.Equal("the broker's file was made by a newer version", problem.Message);
    }

    [Fact]
    public async Task A_file_URI_names_the_file_as_a_path_does()
    {
        var byPath = await OpenAsync();
        var byUri = await OpenAsync("app1", ("connectionString", $"file:{directory.File.Replace(" ", "%20", StringComparison.Ordinal)}?cache=private"));
        var inbox = new Inbox();
        await SubscribeAsync(byUri, "orders", inbox);

        await PublishAsync(byPath, "orders", "m");

        await inbox.WaitForAsync("m");
    }

    [Theory]
    [InlineData("connectionString", "", "missing connection string")]
    [InlineData("connectionString", ":memory:", "use pubsub.in-memory")]
    [InlineData("connectionString", "file:x?mode=memory", "use pubsub.in-memory")]
    [InlineData("concurrencyMode", "double", "invalid concurrencyMode double")]
    [InlineData("pollInterval", "0", "must be at least 1ms")]
    [InlineData("visibilityTimeout", "1ms", "must be at least 100ms")]
    [InlineData("retention", "1s", "must be at least 1m0s")]
    [InlineData("maxConcurrentHandlers", "0", "expected a whole number from 1 to 10000")]
    public async Task A_wrong_setting_is_named(string name, string value, string expected)
    {
        var problem = await Assert.ThrowsAsync<ComponentMetadataException>(() => OpenAsync("app1", (name, value)));

        Assert.Equal(name, problem.Field);
        Assert.Contains(expected, problem.Message);
    }

    private async Task<IPubSub> OpenAsync(string group = "app1", params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string> { ["connectionString"] = directory.File, ["consumerID"] = group };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        var pubsub = await ComponentUnderTest.StartAsync<IPubSub>("pubsub.sqlite", all, time: time, logger: log);
        lock (opened)
        {
            opened.Add(pubsub);
        }

        return pubsub;
    }

    private async Task<ISubscription> SubscribeAsync(IPubSub pubsub, string topic, Inbox inbox)
    {
        var subscription = await pubsub.SubscribeAsync(new SubscribeRequest(topic, EmptyMetadata.Instance), inbox.HandleAsync, Stop);
        opened.Add(subscription);
        return subscription;
    }

    private static async Task PublishAsync(IPubSub pubsub, string topic, string text)
        => await pubsub.PublishAsync(new PublishMessage(topic, Encoding.UTF8.GetBytes(text)), Stop);

    /// <summary>Waits until a message published now has come, and with it all that the broker had to do before.</summary>
    private static async Task SettledAsync(IPubSub pubsub, Inbox inbox)
    {
        var fence = $"fence {Guid.NewGuid()}";
        await PublishAsync(pubsub, "orders", fence);
        await inbox.WaitForAsync(fence);
    }
}
