using CsCheck;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;
using SubscriptionRule = DaprK8s.Common.Resources.SubscriptionRule;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class SubscriptionHostTests
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(5);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_app_is_asked_once_and_what_it_says_wins_over_resources()
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnSubscribe = () => FakeHttpApp.Answer(200, """
            [{"pubsubName":"pubsub","topic":"orders","route":"/first"},
             {"PUBSUBNAME":"pubsub","topic":"orders","routes":{"default":"/last"},"route":"/ignored","unknown":1},
             {"pubsubname":"pubsub","topic":"none"}]
            """);
        bench.Declare(DeliveryTests.Spec(), DeliveryTests.Spec(route: "/second"), DeliveryTests.Spec("bills"));

        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => bench.Broker.Subscriptions.Count == 2, "two subscriptions");
        await bench.Host.StopAsync();
        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => bench.Broker.Subscriptions.Count == 4, "two subscriptions again");

        Assert.Equal(1, bench.HttpApp.SubscribeCalls);
        Assert.Equal(
            ["orders PROGRAMMATIC /last", "bills DECLARATIVE /orders"],
            bench.Catalog.List().Select(s => $"{s.Topic} {s.TypeName} {s.Rules[0].Path}"));
        Assert.True(bench.Log.Has("topic 'none' on pubsub 'pubsub' has no route"));
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task Without_discovery_the_app_is_not_asked()
    {
        var bench = new PubSubBench().Ready();
        bench.Declare(DeliveryTests.Spec());

        await using var host = bench.NewHost(true);
        await host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => !bench.Broker.Subscriptions.IsEmpty, "the declarative subscription");

        Assert.Equal(0, bench.HttpApp.SubscribeCalls);
        Assert.True(bench.Log.Has("Skipping programmatic subscription loading (see 'disable-init-endpoints' flag/annotation)"));
    }

    [Fact]
    public async Task After_an_answer_that_can_not_be_read_nothing_starts_until_the_app_is_healthy_again()
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnSubscribe = () => FakeHttpApp.Answer(200, "oops");
        bench.Declare(DeliveryTests.Spec());

        await bench.Host.StartAsync(Stop);
        await bench.Host.StopAsync();
        Assert.Empty(bench.Broker.Subscriptions);
        Assert.True(bench.Log.Has("failed to subscribe to topics: error getting topics from app: "));

        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => !bench.Broker.Subscriptions.IsEmpty, "the declarative subscription");
        Assert.Equal(1, bench.HttpApp.SubscribeCalls);
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task An_app_that_does_not_answer_is_asked_four_times()
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnSubscribe = () => throw new HttpRequestException("refused");

        await bench.AdvanceUntilAsync(bench.Host.StartAsync(Stop), TimeSpan.FromMilliseconds(500));

        Assert.Equal(4, bench.HttpApp.SubscribeCalls);
        Assert.True(bench.Log.Has("failed to subscribe to topics: refused"));
    }

    [Fact]
    public async Task A_stop_interrupts_asking_and_the_next_start_asks_again()
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnSubscribe = () => throw new HttpRequestException("refused");
        var starting = bench.Host.StartAsync(Stop);
        Assert.Equal(1, bench.HttpApp.SubscribeCalls);

        await bench.Host.StopAsync();
        await starting;
        bench.HttpApp.OnSubscribe = () => FakeHttpApp.Answer(200, """[{"pubsubname":"pubsub","topic":"t","route":"r"}]""");
        await bench.Host.StartAsync(Stop);

        await PubSubBench.UntilAsync(() => !bench.Broker.Subscriptions.IsEmpty, "the subscription");
        await bench.Broker.Subscriptions.Single().DeliverAsync("{}");
        Assert.Equal("/r", bench.HttpApp.Calls.Single().Path);
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_gRPC_app_may_leave_out_routes()
    {
        var app = new FakeGrpcApp { OnList = () => new() { Subscriptions = { new TopicSubscription { PubsubName = "pubsub", Topic = "t", DeadLetterTopic = "d" } } } };
        var bench = new PubSubBench(new FakeChannel(null, app), null).Ready();

        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => !bench.Broker.Subscriptions.IsEmpty, "the subscription");
        await bench.Broker.Subscriptions.Single().DeliverAsync("{}");

        Assert.Equal("", app.Events.Single().Event.Path);
        Assert.Equal("d", bench.Catalog.List().Single().DeadLetterTopic);
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_gRPC_app_without_the_method_wants_nothing()
    {
        var bench = new PubSubBench(new FakeChannel(null, new FakeGrpcApp()), null).Ready();

        await bench.Host.StartAsync(Stop);

        Assert.Empty(bench.Catalog.List());
        Assert.DoesNotContain(bench.Log.Lines, l => l.Level >= Microsoft.Extensions.Logging.LogLevel.Warning);
    }

    [Fact]
    public async Task Without_an_app_subscriptions_are_listed_and_not_started()
    {
        var bench = new PubSubBench(new FakeChannel(null, null), null).Ready();
        bench.Declare(DeliveryTests.Spec());

        await bench.Host.StartAsync(Stop);
        await bench.Host.DrainAsync(Stop);

        Assert.Empty(bench.Broker.Subscriptions);
        Assert.Single(bench.Catalog.List());
    }

    [Fact]
    public void What_can_not_be_delivered_as_meant_is_refused_with_a_line_that_names_it()
    {
        var bench = new PubSubBench();
        bench.Catalog.LoadDeclarative(
        [
            Named("cel", new() { Pubsubname = "pubsub", Topic = "a", Routes = new() { Rules = [new SubscriptionRule { Match = "event.type == 'x'", Path = "/x" }], Default = "/d" } }),
            Named("bulk", new() { Pubsubname = "pubsub", Topic = "b", Route = "/b", BulkSubscribe = new() { Enabled = true } }),
            Named("raw", new() { Pubsubname = "pubsub", Topic = "c", Route = "/c", Metadata = new() { ["rawPayload"] = "often" } }),
            Named("blank", new() { Pubsubname = "pubsub", Topic = "d", Routes = new() { Rules = [new SubscriptionRule { Match = " ", Path = "/x" }] } }),
            new Subscription { Metadata = new() { Name = "other" }, Scopes = ["app2"], Spec = new() { Pubsubname = "pubsub", Topic = "e", Route = "/e" } },
        ]);

        Assert.Equal(["d"], bench.Catalog.List().Select(s => s.Topic));
        Assert.Equal(3, bench.Log.Lines.Count);
        Assert.True(bench.Log.Has("Subscription cel is not subscribed: rule 1 (match \"event.type == 'x'\", path \"/x\"): "));
        Assert.True(bench.Log.Has("Subscription bulk is not subscribed: "));
        Assert.True(bench.Log.Has("Subscription raw is not subscribed: rawPayload value must be a valid boolean: actual is 'often'"));

        static Subscription Named(string name, SubscriptionSpec spec) => new() { Metadata = new() { Name = name }, Spec = spec };
    }

    [Fact]
    public async Task A_denied_topic_is_logged_and_listed_and_not_subscribed()
    {
        var bench = new PubSubBench(("subscriptionScopes", "app1=other")).Ready();
        bench.Declare(DeliveryTests.Spec());

        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => bench.Log.Has("subscription to topic 'orders' on pubsub 'pubsub' is not allowed"), "the log line");

        await bench.Host.DrainAsync(Stop);
        Assert.Empty(bench.Broker.Subscriptions);
        Assert.Single(bench.Catalog.List());
    }

    [Fact]
    public async Task A_subscription_waits_for_a_component_that_is_late_and_tries_a_refusing_broker_again()
    {
        var bench = new PubSubBench();
        bench.Declare(DeliveryTests.Spec());
        bench.Broker.FailNextSubscribe(new BrokerUnavailableException("not yet"));
        bench.Broker.FailNextSubscribe(new InvalidOperationException("nor now"));

        await bench.Host.StartAsync(Stop);
        bench.Handle.MarkFailed("down");
        bench.Ready();
        await PubSubBench.UntilAsync(() => bench.Log.Has("not yet"), "the first attempt");
        await bench.AdvanceUntilAsync(PubSubBench.UntilAsync(() => !bench.Broker.Subscriptions.IsEmpty, "the subscription"), TimeSpan.FromMilliseconds(500));

        Assert.True(bench.Log.Has("nor now"));
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_subscription_moves_to_a_components_new_instance()
    {
        var bench = new PubSubBench().Ready();
        var old = await bench.SubscribeAsync(DeliveryTests.Spec());
        var next = new FakeBroker();

        bench.Handle.MarkReady(next);
        await PubSubBench.UntilAsync(() => !next.Subscriptions.IsEmpty, "a subscription at the new instance");

        Assert.True(old.IsDisposed);
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_subscription_starts_when_its_component_appears()
    {
        var bench = new PubSubBench().Ready();
        bench.Declare(new SubscriptionSpec { Pubsubname = "late", Topic = "t", Route = "/t" });
        await bench.Host.StartAsync(Stop);

        var late = bench.NewHandle("late");
        var broker = new FakeBroker();
        bench.Registry.Replace([bench.Handle, late]);
        late.MarkReady(broker);

        await PubSubBench.UntilAsync(() => !broker.Subscriptions.IsEmpty, "the subscription");
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_stop_pauses_then_lets_what_is_in_flight_finish_then_disposes()
    {
        var bench = new PubSubBench().Ready();
        var answer = new TaskCompletionSource<DaprK8s.Sidecar.App.AppAnswer>();
        bench.HttpApp.OnEvent = (_, _) => new(answer.Task);
        var subscription = await bench.SubscribeAsync(DeliveryTests.Spec());
        var inFlight = subscription.DeliverAsync("{}");

        var stop = bench.Host.StopAsync();
        await PubSubBench.UntilAsync(() => subscription.IsPaused, "the pause");
        await PubSubBench.UntilAsync(() => subscription.DeliverAsync("{}") is { IsCompleted: true, Result: Settlement.Leave }, "the seal");
        Assert.False(subscription.IsDisposed);
        Assert.False(stop.IsCompleted);

        answer.SetResult(FakeHttpApp.Answer(200));
        await stop;

        Assert.Equal(Settlement.Ack, await inFlight);
        Assert.True(subscription.IsDisposed);
        Assert.Equal(Settlement.Leave, await subscription.DeliverAsync("{}"));
    }

    [Fact]
    public async Task What_does_not_finish_in_thirty_seconds_is_given_up_and_left_to_the_broker()
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnEvent = async (_, ct) =>
        {
            await Task.Delay(Timeout.Infinite, ct);
            return default;
        };
        var subscription = await bench.SubscribeAsync(DeliveryTests.Spec(deadLetter: "dlq"));
        var inFlight = subscription.DeliverAsync("{}");
        var started = bench.Time.GetUtcNow();

        await bench.AdvanceUntilAsync(bench.Host.DrainAsync(Stop), Step);

        Assert.Equal(Settlement.Leave, await inFlight);
        Assert.Empty(bench.Broker.Published);
        Assert.True(bench.Time.GetUtcNow() - started >= TimeSpan.FromSeconds(30));
        Assert.True(subscription.IsDisposed);
    }

    [Fact]
    public async Task A_pause_that_hangs_or_fails_does_not_keep_the_rest_from_happening()
    {
        var bench = new PubSubBench().Ready();
        var hanging = await bench.SubscribeAsync(DeliveryTests.Spec());
        hanging.OnPause = () => new TaskCompletionSource().Task;

        await bench.AdvanceUntilAsync(bench.Host.StopAsync(), Step);
        Assert.True(hanging.IsDisposed);

        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => bench.Broker.Subscriptions.Count == 2, "the new subscription");
        var failing = bench.Broker.Subscriptions.Last();
        failing.OnPause = () => throw new IOException("gone");
        await bench.Host.StopAsync();
        Assert.True(failing.IsDisposed);
    }

    [Fact]
    public async Task After_the_drain_nothing_starts_any_more()
    {
        var bench = new PubSubBench().Ready();
        bench.Declare(DeliveryTests.Spec());

        await bench.Host.DrainAsync(Stop);
        await bench.Host.StartAsync(Stop);
        await bench.Host.StopAsync();

        Assert.Empty(bench.Broker.Subscriptions);
    }

    [Fact]
    public async Task An_app_that_comes_and_goes_ends_with_as_many_subscriptions_as_it_should()
    {
        var bench = new PubSubBench().Ready();
        bench.Declare(DeliveryTests.Spec(), DeliveryTests.Spec("bills"));
        await Gen.Bool.Array[1, 8].SampleAsync(
            async changes =>
            {
                await Task.WhenAll(changes.Select(healthy => healthy ? bench.Host.StartAsync(Stop) : bench.Host.StopAsync()));
                await bench.Host.StartAsync(Stop);
                await PubSubBench.UntilAsync(() => bench.Broker.Subscriptions.Count(s => !s.IsDisposed) == 2, "two live subscriptions");
                await bench.Host.StopAsync();
                Assert.DoesNotContain(bench.Broker.Subscriptions, s => !s.IsDisposed);
            },
            iter: 30, threads: 1);
    }

    [Fact]
    public void The_gate_is_idle_exactly_when_it_is_sealed_and_all_have_left()
        => Gen.Int[0, 3].Array.Sample(steps =>
        {
            var gate = new WorkGate();
            var (inside, isSealed) = (0, false);
            foreach (var step in steps)
            {
                switch (step)
                {
                    case 0:
                        Assert.Equal(!isSealed, gate.TryEnter());
                        inside += isSealed ? 0 : 1;
                        break;
                    case 1 when inside > 0:
                        gate.Exit();
                        inside--;
                        break;
                    case 2:
                        gate.Seal();
                        isSealed = true;
                        break;
                }

                Assert.Equal((inside, isSealed, isSealed && inside == 0), (gate.InFlight, gate.IsSealed, gate.Idle.IsCompleted));
            }
        });

    [Fact]
    public async Task The_gate_loses_no_one_when_all_come_and_go_at_once()
    {
        for (var round = 0; round < 200; round++)
        {
            var gate = new WorkGate();
            var inside = 0;
            var work = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                for (var i = 0; i < 100; i++)
                {
                    if (gate.TryEnter())
                    {
                        Interlocked.Increment(ref inside);
                        Interlocked.Decrement(ref inside);
                        gate.Exit();
                    }
                }
            })).ToArray();
            gate.Seal();
            await gate.Idle.WaitAsync(TimeSpan.FromSeconds(10), Stop);
            Assert.False(gate.TryEnter());
            await Task.WhenAll(work);
            Assert.Equal(0, gate.InFlight);
        }
    }
}
