using System.Text.Json.Nodes;
using DaprK8s.Operator.Tests.Support;
using DaprK8s.Protos.Operator.V1;
using Grpc.Core;

namespace DaprK8s.Operator.Tests.Api;

/// <summary>Many events at once, slow readers, and streams that are cut.</summary>
public sealed class BurstTests
{
    private const int Events = 10_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_ten_thousand_events_in_a_burst_every_reader_gets_the_last_state_and_a_slow_one_costs_no_more_than_the_objects_there_are()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        using var slow = running.As("default", "slow").ComponentUpdate(new ComponentUpdateRequest { Namespace = "default" }, cancellationToken: Stop);
        await slow.ResponseHeadersAsync;
        using var quick = running.As("default", "quick").ComponentUpdate(new ComponentUpdateRequest { Namespace = "default" }, cancellationToken: Stop);
        await quick.ResponseHeadersAsync;
        var reading = ReadAsync(quick, "done", Stop);

        var expected = Burst(cluster);
        cluster.PutComponent("done");
        expected["done"] = "one";

        var (known, _) = await reading;
        Assert.Equal(expected, known);
        var (slowly, told) = await ReadAsync(slow, "done", Stop);
        Assert.Equal(expected, slowly);

        // What the connection holds on the way, and one event for each name.
        Assert.InRange(told, expected.Count, 2000);
    }

    [Fact]
    public async Task A_stream_that_is_cut_at_every_message_loses_nothing_that_a_list_after_it_does_not_show()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");
        for (var i = 0; i < 200; i++)
        {
            // The change comes while the stream is opened, while the list is made, or after both.
            var name = $"c{i}";
            var change = Task.CompletedTask;
            Change(0);
            using var stream = client.ComponentUpdate(new ComponentUpdateRequest { Namespace = "default" }, cancellationToken: Stop);
            await stream.ResponseHeadersAsync;
            Change(1);
            var list = await client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop);
            var known = list.Components.Select(c => (string)JsonNode.Parse(c.Span)!["metadata"]!["name"]!).ToHashSet();
            Change(2);
            Assert.Subset(known, Enumerable.Range(0, i).Select(n => $"c{n}").ToHashSet());
            while (!known.Contains(name))
            {
                Assert.True(await stream.ResponseStream.MoveNext(Stop).WaitAsync(TimeSpan.FromSeconds(30), Stop));
                known.Add((string)JsonNode.Parse(stream.ResponseStream.Current.Component.Span)!["metadata"]!["name"]!);
            }

            await change;

            void Change(int moment) => change = i % 3 == moment ? Task.Run(() => cluster.PutComponent(name), Stop) : change;
        }
    }

    /// <summary>Creates, changes and deletes, and returns what is left.</summary>
    private static Dictionary<string, string> Burst(OperatorCluster cluster)
    {
        var random = new Random(42);
        var left = new Dictionary<string, string>();
        var padding = new string('x', 2000);
        for (var i = 0; i < Events; i++)
        {
            var name = $"c{random.Next(200)}";
            if (left.ContainsKey(name) && random.Next(5) == 0)
            {
                cluster.Delete("components", name);
                left.Remove(name);
            }
            else
            {
                cluster.PutComponent(name, left[name] = $"{i}-{padding}");
            }
        }

        return left;
    }

    /// <summary>Follows a stream until an object comes, and keeps what it tells as a sidecar does.</summary>
    private static async Task<(Dictionary<string, string> Known, int Told)> ReadAsync(AsyncServerStreamingCall<ComponentUpdateEvent> stream, string last, CancellationToken cancellationToken)
    {
        var known = new Dictionary<string, string>();
        var told = 0;
        while (!known.ContainsKey(last) && await stream.ResponseStream.MoveNext(cancellationToken))
        {
            told++;
            var component = JsonNode.Parse(stream.ResponseStream.Current.Component.Span)!;
            var (name, value) = ((string)component["metadata"]!["name"]!, (string)component["spec"]!["metadata"]![0]!["value"]!);
            var isKnown = known.ContainsKey(name);
            switch (stream.ResponseStream.Current.Type)
            {
                case ResourceEventType.Created:
                    Assert.False(isKnown, $"{name} is created, and is there already");
                    known[name] = value;
                    break;
                case ResourceEventType.Updated:
                    Assert.True(isKnown, $"{name} is updated, and is not there");
                    known[name] = value;
                    break;
                default:
                    Assert.True(known.Remove(name), $"{name} is deleted, and is not there");
                    break;
            }
        }

        return (known, told);
    }
}
