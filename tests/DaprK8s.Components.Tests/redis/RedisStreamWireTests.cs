using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using StackExchange.Redis;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>What publishing leaves in a stream, and what is made of entries and groups that others left there.</summary>
public sealed class RedisStreamWireTests(RedisServerFixture fixture) : RedisStreamsTests, IClassFixture<RedisServerFixture>
{
    protected override RedisServer Server => fixture.Server;

    [Fact]
    public async Task An_entry_has_the_data_and_the_metadata_when_there_is_any()
    {
        var pubsub = await OpenAsync();

        await PublishAsync(pubsub, "plain");
        await PublishAsync(pubsub, "full", ("ttlInSeconds", "5"), ("colour", "gr\u00fcn \"<&>\""));

        var entries = await Raw.StreamAsync(Topic);
        Assert.Equal(new() { ["data"] = "plain" }, entries[0]);
        Assert.Equal(["data", "metadata"], entries[1].Keys);
        Assert.Equal("full", entries[1]["data"]);
        var metadata = System.Text.Json.JsonDocument.Parse(entries[1]["metadata"]).RootElement;
        Assert.Equal("5", metadata.GetProperty("ttlInSeconds").GetString());
        Assert.Equal("gr\u00fcn \"<&>\"", metadata.GetProperty("colour").GetString());
    }

    [Fact]
    public async Task An_entry_that_Dapr_wrote_is_delivered_with_its_metadata()
    {
        await Raw.Database.StreamAddAsync(Topic, [new("data", "{\"id\":1}"), new("metadata", "{\"a\":\"1\",\"b\":\"\\u00fc\"}")]);
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(await OpenAsync(), inbox);

        await inbox.WaitForAsync("{\"id\":1}");

        Assert.Equal(new Dictionary<string, string> { ["a"] = "1", ["b"] = "\u00fc" }, inbox.Deliveries[0].Message.Metadata);
        await SettledAsync();
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("[1]")]
    [InlineData("{\"a\":1}")]
    [InlineData("{\"a\":\"1\"} {")]
    [InlineData("{\"a\":")]
    [InlineData("")]
    public async Task Metadata_that_is_no_object_of_texts_is_left_out_with_a_warning(string metadata)
    {
        await Raw.Database.StreamAddAsync(Topic, [new("metadata", metadata), new("data", "m")]);
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(await OpenAsync(), inbox);

        await inbox.WaitForAsync("m");

        Assert.Empty(inbox.Deliveries[0].Message.Metadata);
        Assert.Contains(Log.Lines, l => l.Level == Microsoft.Extensions.Logging.LogLevel.Warning && l.Text.Contains("metadata", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_entry_without_data_is_delivered_empty()
    {
        await Raw.Database.StreamAddAsync(Topic, "something", "else");
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(await OpenAsync(), inbox);

        await inbox.WaitAsync(i => i.Count == 1, "the entry");

        Assert.Equal(0, inbox.Deliveries[0].Message.Data.Length);
        Assert.Empty(inbox.Deliveries[0].Message.Metadata);
    }

    [Fact]
    public async Task A_group_bears_the_consumer_id_starts_at_the_beginning_and_keeps_its_place()
    {
        var pubsub = await OpenAsync();
        await PublishAsync(pubsub, "early");
        var first = new Inbox();
        await using (await SubscribeAsync(pubsub, first))
        {
            await first.WaitForAsync("early");
        }

        await PublishAsync(pubsub, "between");
        var second = new Inbox();
        await using var again = await SubscribeAsync(pubsub, second);
        await second.WaitForAsync("between");

        Assert.Equal(["between"], second.Texts);
        var group = Assert.Single(await Raw.Database.StreamGroupInfoAsync(Topic));
        Assert.Equal(Group, group.Name);
        Assert.Equal([Group], (await Raw.Database.StreamConsumerInfoAsync(Topic, Group)).Select(c => c.Name));
    }

    [Fact]
    public async Task The_app_id_stands_in_for_a_missing_consumer_id()
    {
        await using var pubsub = await ComponentUnderTest.StartAsync<IPubSub>(
            "pubsub.redis", RawRedis.Settings(("redisHost", Server.Address)), appId: "my-app");

        await using var subscription = await SubscribeAsync(pubsub, new Inbox());

        Assert.Equal("my-app", Assert.Single(await Raw.Database.StreamGroupInfoAsync(Topic)).Name);
    }

    [Fact]
    public async Task A_stream_is_trimmed_by_length()
    {
        var pubsub = await OpenAsync(("maxLenApprox", "10"));
        for (var i = 0; i < 500; i++)
        {
            await PublishAsync(pubsub, $"m{i}");
        }

        var length = await Raw.Database.StreamLengthAsync(Topic);
        Assert.InRange(length, 10, 499);
        Assert.Equal("m499", (await Raw.StreamAsync(Topic))[^1]["data"]);
    }

    [Fact]
    public async Task A_stream_is_trimmed_by_age()
    {
        for (var i = 1; i <= 500; i++)
        {
            await Raw.Database.StreamAddAsync(Topic, "data", $"old{i}", $"{i}-0");
        }

        await PublishAsync(await OpenAsync(("streamTTL", "1h")), "new");

        var entries = await Raw.StreamAsync(Topic);
        Assert.InRange(entries.Count, 1, 499);
        Assert.Equal("new", entries[^1]["data"]);
    }

    [Fact]
    public async Task Of_two_ways_of_trimming_the_length_counts_and_a_warning_says_so()
    {
        for (var i = 1; i <= 500; i++)
        {
            await Raw.Database.StreamAddAsync(Topic, "data", $"old{i}", $"{i}-0");
        }

        await PublishAsync(await OpenAsync(("streamTTL", "1h"), ("maxLenApprox", "1000")), "new");

        Assert.Equal(501, await Raw.Database.StreamLengthAsync(Topic));
        Assert.Contains(Log.Lines, l => l.Text.Contains("maxLenApprox", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_topic_that_is_no_stream_is_an_error_of_its_publishers_and_subscribers()
    {
        await Raw.Database.StringSetAsync(Topic, "text");
        var pubsub = await OpenAsync();

        var publish = await Assert.ThrowsAsync<BrokerUnavailableException>(() => PublishAsync(pubsub, "m"));
        var subscribe = await Assert.ThrowsAsync<BrokerUnavailableException>(() => SubscribeAsync(pubsub, new Inbox()));

        Assert.StartsWith("redis streams: error from publish: WRONGTYPE", publish.Message);
        Assert.Contains(Topic, subscribe.Message);
        Assert.Contains("WRONGTYPE", subscribe.Message);
    }

    [Fact]
    public async Task Answers_of_many_messages_share_their_commands()
    {
        var pubsub = await OpenAsync(("concurrency", "100"), ("queueDepth", "1000"));
        for (var i = 0; i < 1000; i++)
        {
            await Raw.Database.StreamAddAsync(Topic, "data", $"m{i}", flags: CommandFlags.FireAndForget);
        }

        var before = await Raw.CallsAsync("xack");
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        await inbox.WaitAsync(i => i.Count == 1000, "all messages");
        await SettledAsync();

        Assert.InRange(await Raw.CallsAsync("xack") - before, 1, 900);
    }
}
