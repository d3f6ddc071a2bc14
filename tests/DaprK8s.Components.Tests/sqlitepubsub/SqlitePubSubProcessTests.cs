using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.SqlitePubSub;

/// <summary>The embedded broker between processes, which may be killed.</summary>
public sealed class SqlitePubSubProcessTests : IAsyncDisposable
{
    private const string Topic = "orders";
    private readonly BrokerDirectory directory = new();
    private readonly List<IAsyncDisposable> opened = [];

    // Before the broker's own rounds, every 30 seconds, find the messages without any notice.
    private static readonly TimeSpan Notice = TimeSpan.FromSeconds(15);

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

    [Theory]
    [InlineData("1h")] // Nothing but the file system's notices.
    [InlineData("20ms")]
    public async Task Messages_go_from_one_process_to_another_and_back(string pollInterval)
    {
        var here = await OpenAsync("here", ("pollInterval", pollInterval));
        var inbox = new Inbox { Patience = Notice };
        opened.Add(await here.SubscribeAsync(new SubscribeRequest("back", EmptyMetadata.Instance), inbox.HandleAsync, Stop));
        var there = await SubscribePeerAsync("there", "ack", $"pollInterval={pollInterval}");

        var texts = await PublishAsync(here, 200);
        await Eventually.TrueAsync(() => texts.All(Received(there).ToHashSet().Contains), "every message at the peer").WaitAsync(Notice, Stop);

        await StartPeerAsync("publish", "back", "200", "consumerID=there");
        await inbox.WaitForAsync([.. Enumerable.Range(0, 200).Select(i => $"peer{i}")]);
    }

    [Fact]
    public async Task Processes_with_one_consumer_id_share_the_messages()
    {
        var here = await OpenAsync("app1");
        var first = await SubscribePeerAsync("app1", "ack");
        var second = await SubscribePeerAsync("app1", "ack");

        var texts = await PublishAsync(here, 250);

        await Eventually.TrueAsync(() => Received(first).Count + Received(second).Count >= texts.Length, "all messages at one of the two");
        Assert.Equal(texts.Order(), Received(first).Concat(Received(second)).Order());
    }

    [Fact]
    public async Task What_a_killed_process_had_in_hand_goes_to_another_one()
    {
        var here = await OpenAsync("app1", ("visibilityTimeout", "500ms"));
        var doomed = await SubscribePeerAsync("app1", "hang", "visibilityTimeout=500ms");
        var texts = await PublishAsync(here, 40);
        await Eventually.TrueAsync(() => Received(doomed).Count == 32, "as many messages in hand as may be");

        await doomed.KillAsync();

        var inbox = new Inbox();
        opened.Add(await here.SubscribeAsync(new SubscribeRequest(Topic, EmptyMetadata.Instance), inbox.HandleAsync, Stop));
        await inbox.WaitForAsync(texts);
    }

    [Fact]
    public async Task No_message_that_a_killed_publisher_was_told_is_taken_is_lost()
    {
        var here = await OpenAsync("app1");
        var inbox = new Inbox();
        opened.Add(await here.SubscribeAsync(new SubscribeRequest(Topic, EmptyMetadata.Instance), inbox.HandleAsync, Stop));
        var publisher = await StartPeerAsync("publish", Topic, "1000000", "consumerID=app1");
        await inbox.WaitAsync(i => i.Count > 100, "the first messages");

        await publisher.KillAsync();

        await inbox.WaitForAsync([.. Lines(publisher, "published ")]);
    }

    private async Task<IPubSub> OpenAsync(string group, params (string Name, string Value)[] settings)
    {
        var pubsub = await ComponentUnderTest.StartAsync<IPubSub>(
            "pubsub.sqlite",
            settings.Select(s => KeyValuePair.Create(s.Name, s.Value))
                .Append(new("connectionString", directory.File))
                .Append(new("consumerID", group)));
        opened.Add(pubsub);
        return pubsub;
    }

    private static async Task<string[]> PublishAsync(IPubSub pubsub, int count)
    {
        var texts = Enumerable.Range(0, count).Select(i => $"m{i}").ToArray();
        foreach (var text in texts)
        {
            await pubsub.PublishAsync(new PublishMessage(Topic, Encoding.UTF8.GetBytes(text)), Stop);
        }

        return texts;
    }

    private async Task<ChildProcess> SubscribePeerAsync(string group, string answer, params string[] settings)
    {
        var peer = await StartPeerAsync("subscribe", Topic, answer, [$"consumerID={group}", .. settings]);
        await Eventually.TrueAsync(
            () => peer.Output.Contains("subscribed", StringComparison.Ordinal) || peer.HasExited, "the peer's subscription");
        Assert.False(peer.HasExited, peer.Output);
        return peer;
    }

    private async Task<ChildProcess> StartPeerAsync(string verb, string topic, string option, params string[] settings)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "DaprK8s.Components.Peer.dll");
        var peer = await ChildProcess.StartAsync(
            "dotnet", [program, verb, "pubsub.sqlite", topic, option, $"connectionString={directory.File}", .. settings]);
        opened.Add(peer);
        return peer;
    }

    private static List<string> Received(ChildProcess peer) => Lines(peer, "got ");

    private static List<string> Lines(ChildProcess peer, string prefix)
        => [.. peer.Output.Split('\n').Where(l => l.StartsWith(prefix, StringComparison.Ordinal)).Select(l => l[prefix.Length..])];
}
