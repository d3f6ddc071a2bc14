using System.Text;
using System.Text.Json;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class InMemoryBrokerTests
{
    [Fact]
    public async Task What_an_app_publishes_comes_back_in_order_and_its_rejects_reach_the_dead_letter_topic()
    {
        var stop = TestContext.Current.CancellationToken;
        var bench = new PubSubBench();
        Assert.True(ProviderCatalog.TryFind("pubsub.in-memory", "v1", out var provider));
        await using var broker = (IPubSub)provider.Describe().Create();
        await broker.InitAsync(
            new ComponentContext { Name = "pubsub", Type = "pubsub.in-memory", Version = "v1", Metadata = new ComponentMetadata([]), Logger = NullLogger.Instance }, stop);
        bench.Handle.MarkReady(broker);
        bench.HttpApp.OnEvent = (call, _) => new(FakeHttpApp.Answer(call.Path == "/orders" && DataOf(call.Body) == "m3" ? 500 : 200));
        bench.Declare(DeliveryTests.Spec(deadLetter: "dlq"), DeliveryTests.Spec("dlq", route: "/letters"));
        await bench.Host.StartAsync(stop);
        await PubSubBench.UntilAsync(() => bench.Log.Lines.Count(l => l.Text.StartsWith("subscribed to topic", StringComparison.Ordinal)) == 2, "both subscriptions");

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(204, (await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/orders", $"m{i}")).Status);
        }

        await PubSubBench.UntilAsync(() => bench.HttpApp.Calls.Count == 11, "ten deliveries and a dead letter");
        await bench.Host.DrainAsync(stop);

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"m{i}"), bench.HttpApp.Calls.Where(c => c.Path == "/orders").Select(c => DataOf(c.Body)));
        var letter = Assert.Single(bench.HttpApp.Calls, c => c.Path == "/letters");
        Assert.Equal(("m3", "orders"), (DataOf(letter.Body), JsonDocument.Parse(letter.Body).RootElement.GetProperty("topic").GetString()));
    }

    private static string? DataOf(ReadOnlyMemory<byte> body) => JsonDocument.Parse(Encoding.UTF8.GetString(body.Span)).RootElement.GetProperty("data").GetString();
}
