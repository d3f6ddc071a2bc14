using System.Collections.Concurrent;
using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Servers that die, freeze or forget, each with a server of its own.</summary>
public sealed class RedisStreamFaultTests : RedisStreamsTests
{
    private const string Secret = "s3cret-Pa55word";
    private static readonly (string, string) LongTimeout = ("processingTimeout", "10m");
    private static readonly (string, string) ShortTimeout = ("processingTimeout", "1s");
    private static readonly (string, string) ShortInterval = ("redeliverInterval", "100ms");
    private RedisServer server = null!;

    protected override RedisServer Server => server;

    public override async ValueTask InitializeAsync()
    {
        server = await RedisServer.StartAsync(Secret);
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task No_acknowledged_message_is_lost_when_the_server_is_killed_in_the_middle_of_traffic()
    {
        var publisher = await OpenAsync();
        var inbox = new Inbox();
        for (var i = 0; i < 2; i++)
        {
            await SubscribeAsync(await OpenAsync(ShortTimeout, ShortInterval), inbox);
        }

        var acknowledged = new ConcurrentQueue<string>();
        var errors = new ConcurrentQueue<Exception>();
        using var enough = new CancellationTokenSource();
        var publishing = Enumerable.Range(0, 4).Select(p => Task.Run(() => PublishUntilAsync(p), Stop)).ToArray();

        for (var kill = 1; kill <= 3; kill++)
        {
            var goal = acknowledged.Count + 200;
            await Eventually.TrueAsync(() => acknowledged.Count >= goal, "messages are published");
            await server.StopAsync();
            var failed = errors.Count;
            await Eventually.TrueAsync(() => errors.Count > failed, "publishing fails while there is no server");
            await server.RestartAsync();
        }

        var last = acknowledged.Count + 200;
        await Eventually.TrueAsync(() => acknowledged.Count >= last, "messages are published after the last restart");
        await enough.CancelAsync();
        await Task.WhenAll(publishing);
        await inbox.WaitForAsync(acknowledged.ToArray());
        await SettledAsync();
        Assert.All(errors, e => Assert.IsType<BrokerUnavailableException>(e));
        AssertNothingTold(errors);

        async Task PublishUntilAsync(int number)
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                var text = $"p{number}-{i}";
                try
                {
                    await publisher.PublishAsync(new PublishMessage(Topic, Encoding.UTF8.GetBytes(text)), Stop);
                    acknowledged.Enqueue(text);
                }
                catch (Exception e)
                {
                    errors.Enqueue(e);
                }

                await Task.Delay(1, Stop);
            }
        }
    }

    [Fact]
    public async Task While_the_server_is_down_publishing_and_subscribing_fail_with_the_reason_and_then_work_again()
    {
        var pubsub = await OpenAsync();
        await server.StopAsync();
        BrokerUnavailableException? publish = null;
        await Eventually.TrueAsync(
            async () => (publish = await Record.ExceptionAsync(() => PublishAsync(pubsub, "m")) as BrokerUnavailableException)
                is { } e && e.Message.Contains("Connection refused", StringComparison.Ordinal),
            "the error of publishing says why");
        var subscribe = await Assert.ThrowsAsync<BrokerUnavailableException>(() => SubscribeAsync(pubsub, new Inbox()));

        Assert.Equal($"redis streams: error from publish: error connecting to redis at {server.Address}: Connection refused", publish!.Message);
        Assert.Contains(server.Address, subscribe.Message);
        AssertNothingTold([publish, subscribe]);

        await server.RestartAsync();
        await Eventually.TrueAsync(async () => await Record.ExceptionAsync(() => PublishAsync(pubsub, "after")) is null, "publishing works again");
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        await inbox.WaitForAsync("after");
    }

    [Fact]
    public async Task A_frozen_server_fails_publishing_and_once_it_goes_on_nothing_has_fallen_between()
    {
        var pubsub = await OpenAsync(LongTimeout, ShortInterval, ("readTimeout", "300"));
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        await PublishAsync(pubsub, "before");
        await inbox.WaitForAsync("before");

        await server.PauseAsync();
        var frozen = await Assert.ThrowsAsync<BrokerUnavailableException>(() => PublishAsync(pubsub, "during"));
        await server.ResumeAsync();
        await Eventually.TrueAsync(async () => await Record.ExceptionAsync(() => PublishAsync(pubsub, "after")) is null, "publishing works again");

        await inbox.WaitForAsync("after");
        await SettledAsync();
        Assert.Contains("no answer", frozen.Message);
        AssertNothingTold([frozen]);
    }

    [Fact]
    public async Task A_component_with_a_frozen_server_can_be_closed()
    {
        var pubsub = await OpenAsync(("readTimeout", "300"));
        var inbox = new Inbox();
        var subscription = await SubscribeAsync(pubsub, inbox);
        await PublishAsync(pubsub, "m");
        await inbox.WaitForAsync("m");

        await server.PauseAsync();
        await subscription.DisposeAsync();
        await pubsub.DisposeAsync();

        await server.ResumeAsync();
        var next = new Inbox();
        await using var other = await SubscribeAsync(await OpenAsync(), next);
        await PublishAsync(await OpenAsync(), "n");
        await next.WaitForAsync("n");
    }

    [Fact]
    public async Task Connections_that_are_cut_are_made_again()
    {
        var pubsub = await OpenAsync(ShortTimeout, ShortInterval);
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        List<string> texts = [];
        for (var round = 0; round < 3; round++)
        {
            await Raw.RunAsync("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            var text = $"m{round}";
            await Eventually.TrueAsync(async () => await Record.ExceptionAsync(() => PublishAsync(pubsub, text)) is null, "publishing works again");
            texts.Add(text);
            await inbox.WaitForAsync(texts);
        }
    }

    [Theory]
    [InlineData("group")]
    [InlineData("stream")]
    [InlineData("everything")]
    public async Task A_group_or_stream_that_vanishes_is_made_anew(string what)
    {
        var pubsub = await OpenAsync(ShortInterval);
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        await PublishAsync(pubsub, "before");
        await inbox.WaitForAsync("before");
        await SettledAsync();

        await (what switch
        {
            "group" => Raw.RunAsync("XGROUP", "DESTROY", Topic, Group),
            "stream" => Raw.RunAsync("DEL", Topic),
            _ => Raw.RunAsync("FLUSHALL"),
        });
        await PublishAsync(pubsub, "after");

        await inbox.WaitForAsync("after");
        Assert.Contains(Log.Lines, l => l.Text.Contains("made anew", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_lost_its_data_in_a_restart_is_used_anew()
    {
        var pubsub = await OpenAsync(ShortInterval);
        var inbox = new Inbox();
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        await PublishAsync(pubsub, "before");
        await inbox.WaitForAsync("before");
        await SettledAsync();
        await Raw.RunAsync("FLUSHALL");

        await server.StopAsync();
        await server.RestartAsync();
        await Eventually.TrueAsync(async () => await Record.ExceptionAsync(() => PublishAsync(pubsub, "after")) is null, "publishing works again");

        await inbox.WaitForAsync("after");
    }

    [Fact]
    public async Task A_user_without_permission_to_end_waiting_reads_can_pause_all_the_same()
    {
        await Raw.RunAsync("ACL", "SETUSER", "app", "on", ">" + Secret, "~*", "&*", "+@all", "-client");
        var pubsub = await OpenAsync(
            LongTimeout, ShortInterval, ("redisUsername", "app"), ("readTimeout", "500"));
        var inbox = new Inbox();
        var subscription = await SubscribeAsync(pubsub, inbox);
        await PublishAsync(pubsub, "m");
        await inbox.WaitForAsync("m");

        await subscription.PauseAsync(Stop);
        await subscription.DisposeAsync();
        await PublishAsync(pubsub, "n");

        var next = new Inbox();
        await using var again = await SubscribeAsync(pubsub, next);
        await next.WaitForAsync("n");
        Assert.Equal(["m"], inbox.Texts);
    }

    [Fact]
    public async Task An_answer_that_is_given_while_the_server_is_away_reaches_it_later()
    {
        var release = new TaskCompletionSource();
        var inbox = new Inbox(async (_, _) =>
        {
            await release.Task;
            return Settlement.Ack;
        });
        var pubsub = await OpenAsync(LongTimeout, ShortInterval);
        await using var subscription = await SubscribeAsync(pubsub, inbox);
        await PublishAsync(pubsub, "m");
        await inbox.WaitForAsync("m");

        await server.StopAsync();
        release.SetResult();
        await server.RestartAsync();

        await SettledAsync();
        Assert.Equal(["m"], inbox.Texts);
    }

    private new Task<IPubSub> OpenAsync(params (string Name, string Value)[] settings) => base.OpenAsync([("redisPassword", Secret), .. settings]);

    private void AssertNothingTold(IEnumerable<Exception> errors)
    {
        Assert.All(errors, e => Assert.DoesNotContain(Secret, e.ToString()));
        Assert.All(Log.Lines, l => Assert.DoesNotContain(Secret, l.Text));
    }
}
