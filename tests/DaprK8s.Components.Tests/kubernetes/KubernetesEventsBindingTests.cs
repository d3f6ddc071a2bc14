using System.Collections.Concurrent;
using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.Kubernetes;

/// <summary>The input binding of a namespace's Events (contract: components 5.14).</summary>
public sealed class KubernetesEventsBindingTests
{
    [Fact]
    public async Task Events_are_told_as_they_come_change_and_go()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        cluster.PutEvent("elsewhere", "Pulled", "other");
        await using var binding = await StartAsync(cluster);
        using var stop = new CancellationTokenSource();
        var events = new ConcurrentQueue<JsonElement>();
        var reading = binding.ReadAsync((received, _) => Take(events, received), stop.Token);

        Assert.Equal("add: -> first Pulled", await NextAsync(events));
        cluster.PutEvent("second", "Started");
        Assert.Equal("add: -> second Started", await NextAsync(events));
        cluster.PutEvent("second", "Killing");
        Assert.Equal("update: second Started -> second Killing", await NextAsync(events));
        cluster.Server.Objects.Delete("events", "default", "second");
        Assert.Equal("delete: second Killing ->", await NextAsync(events));

        await stop.CancelAsync();
        await reading;
    }

    [Fact]
    public async Task The_side_that_is_not_there_is_an_empty_event()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        await using var binding = await StartAsync(cluster);
        using var stop = new CancellationTokenSource();
        var events = new ConcurrentQueue<JsonElement>();
        var reading = binding.ReadAsync((received, _) => Take(events, received), stop.Token);
        await Eventually.TrueAsync(() => !events.IsEmpty, "the event is told");
        Assert.True(events.TryDequeue(out var told));
        Assert.Equal(
            """{"metadata":{"creationTimestamp":null},"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}""",
            told.GetProperty("oldVal").GetRawText());
        Assert.Equal("Pod", told.GetProperty("newVal").GetProperty("involvedObject").GetProperty("kind").GetString());
        await stop.CancelAsync();
        await reading;
    }

    [Fact]
    public async Task An_event_that_the_app_does_not_take_does_not_hold_up_the_next()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutEvent("bad", "Pulled");
        await using var binding = await StartAsync(cluster);
        using var stop = new CancellationTokenSource();
        var events = new ConcurrentQueue<JsonElement>();
        var reading = binding.ReadAsync(
            (received, _) => System.Text.Encoding.UTF8.GetString(received.Data.Span).Contains("\"bad\"", StringComparison.Ordinal)
                ? throw new InvalidOperationException("the app refuses it") : Take(events, received),
            stop.Token);
        cluster.PutEvent("good", "Pulled");
        Assert.Equal("add: -> good Pulled", await NextAsync(events));
        await stop.CancelAsync();
        await reading;
    }

    [Fact]
    public async Task Who_reads_again_is_told_what_is_there()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.PutEvent("first", "Pulled");
        await using var binding = await StartAsync(cluster);
        for (var round = 0; round < 2; round++)
        {
            using var stop = new CancellationTokenSource();
            var events = new ConcurrentQueue<JsonElement>();
            var reading = binding.ReadAsync((received, _) => Take(events, received), stop.Token);
            Assert.Equal("add: -> first Pulled", await NextAsync(events));
            await stop.CancelAsync();
            await reading;
        }
    }

    [Fact]
    public async Task Without_the_right_to_list_it_does_not_start_and_names_the_verb()
    {
        await using var cluster = await ComponentCluster.StartAsync();
        cluster.Server.Access.Deny("list", "events");
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => StartAsync(cluster));
        Assert.StartsWith("cannot list events", refused.Message, StringComparison.Ordinal);
    }

    private static Task<IInputBinding> StartAsync(ComponentCluster cluster)
        => ComponentUnderTest.StartAsync<IInputBinding>(
            "bindings.kubernetes", new Dictionary<string, string> { ["namespace"] = "default", ["kubeconfigPath"] = cluster.KubeConfig, ["resyncPeriodInSec"] = "10s" });

    private static ValueTask<ReadOnlyMemory<byte>> Take(ConcurrentQueue<JsonElement> events, BindingEvent received)
    {
        events.Enqueue(JsonElement.Parse(received.Data.Span));
        return ValueTask.FromResult(ReadOnlyMemory<byte>.Empty);
    }

    private static async Task<string> NextAsync(ConcurrentQueue<JsonElement> events)
    {
        JsonElement next = default;
        await Eventually.TrueAsync(() => events.TryDequeue(out next), "an event is told");
        return $"{next.GetProperty("event").GetString()}: {Side(next, "oldVal")} -> {Side(next, "newVal")}".Replace(":  ->", ": ->", StringComparison.Ordinal).Trim();
    }

    private static string Side(JsonElement told, string name)
        => told.GetProperty(name) is var side && side.GetProperty("metadata").TryGetProperty("name", out var own)
            ? $"{own.GetString()} {side.GetProperty("reason").GetString()}" : "";
}
