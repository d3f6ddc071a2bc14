using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Tests.Support;
using DaprK8s.Protos.Operator.V1;
using Grpc.Core;

namespace DaprK8s.Operator.Tests.Api;

/// <summary>The update streams, over TLS with identities (contract: k8s 2.9).</summary>
public sealed class UpdateStreamTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_there_before_is_not_told_and_every_change_after_is()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("early");
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));

        cluster.PutComponent("late");
        cluster.PutComponent("elsewhere", @namespace: "shop");
        await stream.HasAsync("Created late");
        cluster.PutComponent("early", "two");
        await stream.HasAsync("Created late, Updated early");
        cluster.Delete("components", "late");
        await stream.HasAsync("Created late, Updated early, Deleted late");
        Assert.Equal("two", (string?)stream.Events[1].Document["spec"]!["metadata"]![0]!["value"]);
    }

    [Fact]
    public async Task A_caller_sees_resources_come_and_go_with_their_scopes()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));

        cluster.PutComponent("c", scopes: ["other"]);
        cluster.PutComponent("mark1");
        await stream.HasAsync("Created mark1");
        cluster.PutComponent("c", "two", scopes: ["orders"]);
        await stream.HasAsync("Created mark1, Created c");
        cluster.PutComponent("c", "three", scopes: ["orders", "other"]);
        await stream.HasAsync("Created mark1, Created c, Updated c");
        cluster.PutComponent("c", "four", scopes: ["other"]);
        await stream.HasAsync("Created mark1, Created c, Updated c, Deleted c");
        Assert.Equal("three", (string?)stream.Events[3].Document["spec"]!["metadata"]![0]!["value"]);
        cluster.PutComponent("c", "five", scopes: ["other"]);
        cluster.Delete("components", "c");
        cluster.PutComponent("mark2");
        await stream.HasAsync("Created mark1, Created c, Updated c, Deleted c, Created mark2");
    }

    [Fact]
    public async Task Every_kind_has_a_stream()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");
        await using var subscriptions = await Received.OpenAsync(client.SubscriptionUpdate(new SubscriptionUpdateRequest { Namespace = "default" }, cancellationToken: TestContext.Current.CancellationToken), e => (e.Subscription, e.Type));
        await using var endpoints = await Received.OpenAsync(client.HTTPEndpointUpdate(new HTTPEndpointUpdateRequest { Namespace = "default" }, cancellationToken: TestContext.Current.CancellationToken), e => (e.HttpEndpoints, e.Type));
        await using var servers = await Received.OpenAsync(client.MCPServerUpdate(new MCPServerUpdateRequest { Namespace = "default" }, cancellationToken: TestContext.Current.CancellationToken), e => (e.McpServer, e.Type));
        await using var resiliencies = await Received.OpenAsync(client.ResiliencyUpdate(new ResiliencyUpdateRequest { Namespace = "default" }, cancellationToken: TestContext.Current.CancellationToken), e => (e.Resiliency, e.Type));
        await using var policies = await Received.OpenAsync(client.WorkflowAccessPolicyUpdate(new WorkflowAccessPolicyUpdateRequest { Namespace = "default" }, cancellationToken: TestContext.Current.CancellationToken), e => (e.Policy, e.Type));

        cluster.Put("default", "Subscription", "s", new JsonObject { ["pubsubname"] = "p", ["topic"] = "t", ["routes"] = new JsonObject() });
        cluster.Put("default", "HTTPEndpoint", "h", new JsonObject { ["baseUrl"] = "http://x" });
        cluster.Put("default", "MCPServer", "m", new JsonObject { ["endpoint"] = new JsonObject() });
        cluster.Put("default", "Resiliency", "r", []);
        cluster.Put("default", "WorkflowAccessPolicy", "w", []);

        await subscriptions.HasAsync("Created s");
        await endpoints.HasAsync("Created h");
        await servers.HasAsync("Created m");
        await resiliencies.HasAsync("Created r");
        await policies.HasAsync("Created w");
    }

    [Fact]
    public async Task A_changed_secret_is_an_update_of_the_resources_that_refer_to_it()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutSecret("db", ("k", "old"));
        cluster.PutSecret("other", ("k", "old"));
        cluster.PutComponent("uses", secret: "db", key: "k");
        cluster.PutComponent("does-not");
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");
        await using var stream = await Received.ComponentsAsync(client);
        await client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop);
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("watch", "secrets") == 1, "secrets are watched");

        cluster.PutSecret("other", ("k", "new"));
        cluster.PutSecret("db", ("k", "new"));

        await stream.HasAsync("Updated uses");
        Assert.Equal(Convert.ToBase64String("new"u8), (string?)stream.Events[0].Document["spec"]!["metadata"]![0]!["value"]);
    }

    [Fact]
    public async Task A_secret_that_cannot_be_had_ends_the_stream_in_good_order()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));

        cluster.PutComponent("broken", secret: "absent", key: "k");

        await stream.Reading.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.Empty(stream.Events);
    }

    [Fact]
    public async Task Who_takes_a_component_without_its_secret_is_told_of_it_and_again_when_the_secret_is_there()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.OpenAsync(
            running.As("default", "orders").ComponentUpdate(
                new ComponentUpdateRequest { Namespace = "default" }, new Metadata { { SecretProblems.Header, SecretProblems.InDocument } }, cancellationToken: Stop),
            e => (e.Component, e.Type));

        cluster.PutComponent("broken", secret: "absent", key: "k");
        await stream.HasAsync("Created broken");
        Assert.Equal("Secret \"absent\" not found", (string?)stream.Events[0].Document[SecretProblems.Member]);

        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("watch", "secrets") == 1, "secrets are watched");
        cluster.PutSecret("absent", ("k", "now"));
        await stream.HasAsync("Created broken, Updated broken");
        Assert.Null(stream.Events[1].Document[SecretProblems.Member]);
        Assert.Equal(Convert.ToBase64String("now"u8), (string?)stream.Events[1].Document["spec"]!["metadata"]![0]!["value"]);
    }

    [Fact]
    public async Task Only_the_Configuration_that_the_callers_pod_is_given_is_told()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutPod("a", new JsonObject { ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = "orders", ["dapr.io/config"] = "mine" });
        cluster.PutPod("b", new JsonObject { ["dapr.io/enabled"] = "false", ["dapr.io/app-id"] = "orders", ["dapr.io/config"] = "theirs" });
        cluster.PutPod("unnamed", new JsonObject { ["dapr.io/enabled"] = "yes", ["dapr.io/config"] = "other" });
        var running = await cluster.StartOperatorAsync();
        async Task<Received> OpenAsync(string app) => await Received.OpenAsync(
            running.As("default", app).ConfigurationUpdate(new ConfigurationUpdateRequest { Namespace = "default" }), e => (e.Configuration, e.Type));
        await using var orders = await OpenAsync("orders");
        await using var unnamed = await OpenAsync("unnamed");
        await using var nobody = await OpenAsync("nobody");

        foreach (var name in (string[])["theirs", "other", "mine"])
        {
            cluster.Put("default", "Configuration", name, []);
        }

        await orders.HasAsync("Created mine");
        await unnamed.HasAsync("Created other");
        Assert.Empty(nobody.Events);
        Assert.False(nobody.Reading.IsCompleted);
    }

    [Fact]
    public async Task A_slow_reader_holds_nobody_up_and_gets_the_newest_state_of_each_resource()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        using var slow = running.As("default", "slow").ComponentUpdate(new ComponentUpdateRequest { Namespace = "default" }, cancellationToken: TestContext.Current.CancellationToken);
        await slow.ResponseHeadersAsync;
        await using var quick = await Received.ComponentsAsync(running.As("default", "quick"));
        var large = new string('x', 100_000);
        for (var round = 0; round < 40; round++)
        {
            for (var i = 0; i < 10; i++)
            {
                cluster.PutComponent($"c{i}", $"{round}-{large}");
            }
        }

        bool IsLast(JsonObject document) => ((string?)document["spec"]!["metadata"]![0]!["value"])!.StartsWith("39-", StringComparison.Ordinal);
        await Eventually.TrueAsync(() => quick.Events.Count(e => IsLast(e.Document)) == 10, "the quick reader has the last state of all");

        var told = 0;
        var last = new HashSet<string>();
        while (last.Count < 10 && await slow.ResponseStream.MoveNext(Stop))
        {
            told++;
            var document = JsonNode.Parse(slow.ResponseStream.Current.Component.Span)!.AsObject();
            if (IsLast(document))
            {
                last.Add((string)document["metadata"]!["name"]!);
            }
        }

        Assert.InRange(told, 10, 300);
    }

    [Fact]
    public async Task An_update_reaches_a_hundred_sidecars_with_one_watch()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        List<Received> streams = [];
        for (var i = 0; i < 100; i++)
        {
            streams.Add(await Received.ComponentsAsync(running.As("default", $"app-{i}")));
        }

        cluster.PutComponent("c");
        foreach (var stream in streams)
        {
            await stream.HasAsync("Created c");
            await stream.DisposeAsync();
        }

        Assert.Equal(1, cluster.Server.Faults.Count("watch", "components.dapr.io"));
        await Eventually.TrueAsync(async () => (await running.ScrapeAsync()).Contains("dapr_operator_update_streams 0", StringComparison.Ordinal), "no stream is left");
    }

    [Fact]
    public async Task A_watch_that_is_cut_at_every_message_loses_no_change()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));
        for (var i = 0; i < 10; i++)
        {
            cluster.PutComponent($"c{i}");
            cluster.Server.CutWatches();
        }

        await stream.HasAsync(string.Join(", ", Enumerable.Range(0, 10).Select(i => $"Created c{i}")));
    }

    [Fact]
    public async Task A_history_that_is_gone_leads_to_the_difference_and_not_to_everything_again()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("stays");
        cluster.PutComponent("goes");
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));

        await cluster.Server.PauseAsync();
        cluster.Delete("components", "goes");
        cluster.PutComponent("new");
        cluster.Server.ExpireHistory();
        await cluster.Server.ResumeAsync();

        await stream.HasAsync("Created new, Deleted goes");
    }

    [Fact]
    public async Task An_operator_that_stops_ends_its_streams_in_good_order()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        await using var stream = await Received.ComponentsAsync(running.As("default", "orders"));

        await running.StopAsync();

        await stream.Reading.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.True(running.Running.IsCompletedSuccessfully);
    }
}
