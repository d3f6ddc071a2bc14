using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Tests.PubSub;

namespace DaprK8s.Sidecar.Tests.Reload;

/// <summary>Subscriptions that come, change and go while the app is there.</summary>
public sealed class SubscriptionReloadTests
{
    private readonly PubSubBench bench = new PubSubBench().Ready();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_the_subscription_that_changed_is_restarted()
    {
        bench.Declare(Spec("kept", "/kept"), Spec("changed", "/old"), Spec("gone", "/gone"));
        await bench.Host.StartAsync(Stop);
        var (kept, changed, gone) = (At("kept").Single(), At("changed").Single(), At("gone").Single());

        bench.Declare(Spec("kept", "/kept"), Spec("changed", "/new"));
        await bench.Host.ReloadAsync(Stop);
        await PubSubBench.UntilAsync(() => At("changed").Count == 2 && gone.IsDisposed, "the changes");

        Assert.True(changed.IsDisposed);
        Assert.False(kept.IsPaused || kept.IsDisposed);
        Assert.Single(At("kept"));
        Assert.Equal(["kept", "changed"], bench.Catalog.List().Select(s => s.Topic));
        await At("changed")[^1].DeliverAsync("{}");
        Assert.Equal("/new", bench.HttpApp.Calls.Last().Path);
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_message_in_flight_is_settled_before_its_topic_is_subscribed_anew_and_holds_up_no_other()
    {
        var answer = new TaskCompletionSource<AppAnswer>();
        bench.HttpApp.OnEvent = (_, _) => new(answer.Task);
        bench.Declare(Spec("slow", "/old"));
        await bench.Host.StartAsync(Stop);
        var inFlight = At("slow").Single().DeliverAsync("{}");

        bench.Declare(Spec("slow", "/new"), Spec("other", "/other"));
        await bench.Host.ReloadAsync(Stop);
        await PubSubBench.UntilAsync(() => At("other").Count == 1, "the other topic");
        Assert.Single(At("slow"));

        answer.SetResult(new AppAnswer(200, default, ""));
        Assert.Equal(Settlement.Ack, await inFlight);
        await PubSubBench.UntilAsync(() => At("slow").Count == 2, "the topic to be subscribed anew");
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task Nothing_starts_while_the_app_is_unhealthy()
    {
        await bench.Host.StartAsync(Stop);
        await bench.Host.StopAsync();
        bench.Declare(Spec("t", "/t"));
        await bench.Host.ReloadAsync(Stop);
        Assert.Empty(bench.Broker.Subscriptions);

        await bench.Host.StartAsync(Stop);
        await PubSubBench.UntilAsync(() => At("t").Count == 1, "the subscription");
        await bench.Host.DrainAsync(Stop);
    }

    [Fact]
    public async Task A_replaced_component_is_in_use_until_its_subscriptions_have_moved()
    {
        bench.Declare(Spec("t", "/t"));
        await bench.Host.StartAsync(Stop);
        var answer = new TaskCompletionSource<AppAnswer>();
        bench.HttpApp.OnEvent = (_, _) => new(answer.Task);
        var inFlight = At("t").Single().DeliverAsync("{}");
        var (next, broker) = (bench.NewHandle("pubsub"), new FakeBroker());
        next.MarkReady(broker);

        bench.Registry.Put(next);
        bench.Handle.Retire(next);
        await PubSubBench.UntilAsync(() => At("t").Single().IsPaused, "the old subscription to pause");
        Assert.False(bench.Handle.Idle.IsCompleted);

        answer.SetResult(new AppAnswer(200, default, ""));
        Assert.Equal(Settlement.Ack, await inFlight);
        await PubSubBench.UntilAsync(() => !broker.Subscriptions.IsEmpty, "the subscription at the new one");
        await bench.Handle.Idle.WaitAsync(PubSubBench.Patience, Stop);
        await bench.Host.DrainAsync(Stop);
    }

    private static SubscriptionSpec Spec(string topic, string route) => new() { Pubsubname = "pubsub", Topic = topic, Route = route };

    private List<FakeSubscription> At(string topic) => [.. bench.Broker.Subscriptions.Where(s => s.Request.Topic == topic)];
}
