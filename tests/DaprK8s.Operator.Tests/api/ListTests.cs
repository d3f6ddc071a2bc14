using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Tests.Support;
using DaprK8s.Protos.Operator.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Operator.Tests.Api;

/// <summary>The unary calls, over TLS with identities (contract: k8s 2.6 to 2.8).</summary>
public sealed class ListTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Components_in_the_callers_scope_are_listed_as_sidecars_expect_them()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("all");
        cluster.PutComponent("mine", scopes: ["orders"]);
        cluster.PutComponent("theirs", scopes: ["other"]);
        cluster.PutComponent("elsewhere", @namespace: "shop");
        var running = await cluster.StartOperatorAsync();

        var list = await running.As("default", "orders").ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop);

        Assert.Equal(["all", "mine"], list.Components.Select(NameOf));
        var document = Read(list.Components[0]);
        Assert.Equal("Component", (string?)document["kind"]);
        Assert.Equal("dapr.io/v1alpha1", (string?)document["apiVersion"]);
        Assert.Equal("", (string?)document["auth"]!["secretStore"]);
        Assert.False((bool)document["spec"]!["ignoreErrors"]!);
        Assert.Equal("one", (string?)document["spec"]!["metadata"]![0]!["value"]);
        Assert.Equal("", (string?)document["spec"]!["metadata"]![0]!["secretKeyRef"]!["name"]);
    }

    [Fact]
    public async Task Every_kind_is_listed_without_regard_to_scopes()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Put("default", "HTTPEndpoint", "h", new JsonObject { ["baseUrl"] = "http://x" }, ["other"]);
        cluster.Put("default", "MCPServer", "m", new JsonObject { ["endpoint"] = new JsonObject { ["sse"] = new JsonObject { ["url"] = "http://x" } } }, ["other"]);
        cluster.Put("default", "Subscription", "s", new JsonObject { ["pubsubname"] = "p", ["topic"] = "t", ["routes"] = new JsonObject { ["default"] = "/x" } }, ["other"]);
        cluster.Put("default", "Resiliency", "r", [], ["other"]);
        cluster.Put("default", "WorkflowAccessPolicy", "w", [], ["other"]);
        cluster.Put("default", "Configuration", "c", new JsonObject { ["tracing"] = new JsonObject { ["samplingRate"] = "1" } });
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");

        Assert.Equal("h", NameOf(Assert.Single((await client.ListHTTPEndpointsAsync(new ListHTTPEndpointsRequest { Namespace = "default" }, cancellationToken: Stop)).HttpEndpoints)));
        Assert.Equal("m", NameOf(Assert.Single((await client.ListMCPServersAsync(new ListMCPServersRequest { Namespace = "default" }, cancellationToken: Stop)).McpServers)));
        var subscription = Assert.Single((await client.ListSubscriptionsV2Async(new ListSubscriptionsRequest { Namespace = "default" }, cancellationToken: Stop)).Subscriptions);
        Assert.Equal("dapr.io/v2alpha1", (string?)Read(subscription)["apiVersion"]);
        Assert.Equal("/x", (string?)Read(subscription)["spec"]!["routes"]!["default"]);
        Assert.Equal("r", NameOf(Assert.Single((await client.ListResiliencyAsync(new ListResiliencyRequest { Namespace = "default" }, cancellationToken: Stop)).Resiliencies)));
        Assert.Equal("w", NameOf(Assert.Single((await client.ListWorkflowAccessPolicyAsync(new ListWorkflowAccessPolicyRequest { Namespace = "default" }, cancellationToken: Stop)).Policies)));
        Assert.Equal("r", NameOf((await client.GetResiliencyAsync(new GetResiliencyRequest { Namespace = "default", Name = "r" }, cancellationToken: Stop)).Resiliency));
        Assert.Equal("c", NameOf((await client.GetConfigurationAsync(new GetConfigurationRequest { Namespace = "default", Name = "c" }, cancellationToken: Stop)).Configuration));
    }

    [Fact]
    public async Task Nobody_sees_the_resources_of_another_namespace()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var client = running.As("shop", "orders");

        foreach (var asked in (string[])["default", ""])
        {
            var refused = await FailsAsync(() => client.ListComponentsAsync(new ListComponentsRequest { Namespace = asked }));
            Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
            Assert.Equal($"identity does not match requested namespace exp={asked} got=shop", refused.Detail);
        }

        Assert.Equal(StatusCode.PermissionDenied, (await FailsAsync(() => client.GetConfigurationAsync(new GetConfigurationRequest { Namespace = "default", Name = "c" }))).StatusCode);
        Assert.Equal(StatusCode.PermissionDenied, (await FailsAsync(() => client.ListSubscriptionsAsync(new Empty()))).StatusCode);
        using var stream = client.ComponentUpdate(new ComponentUpdateRequest { Namespace = "default" }, cancellationToken: Stop);
        var ended = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext(Stop));
        Assert.Equal(StatusCode.PermissionDenied, ended.StatusCode);
        using var configuration = client.ConfigurationUpdate(new ConfigurationUpdateRequest { Namespace = "default" }, cancellationToken: Stop);
        ended = await Assert.ThrowsAsync<RpcException>(() => configuration.ResponseStream.MoveNext(Stop));
        Assert.StartsWith("failed to authorize configuration update request: ", ended.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_identity_that_is_none_of_ours_is_refused_and_one_of_another_root_does_not_get_in()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var odd = new Protos.Operator.V1.Operator.OperatorClient(running.Connect("spiffe://public/something/else"));
        var refused = await FailsAsync(() => odd.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }));
        Assert.Equal((StatusCode.PermissionDenied, "failed to determine identity"), (refused.StatusCode, refused.Detail));

        using var other = new TestTrust("another root");
        var stranger = new Protos.Operator.V1.Operator.OperatorClient(running.Connect("spiffe://public/ns/default/orders", other));

        // The connection ends in the handshake or right after it, as TLS 1.3 has it.
        var shut = await FailsAsync(() => stranger.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }));
        Assert.True(shut.StatusCode is StatusCode.Unavailable or StatusCode.Internal, $"{shut}");
    }

    [Fact]
    public async Task What_is_not_there_is_named()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");

        var refused = await FailsAsync(() => client.GetConfigurationAsync(new GetConfigurationRequest { Namespace = "default", Name = "x" }));
        Assert.Equal((StatusCode.Unknown, "error getting configuration default/x: Configuration.dapr.io \"x\" not found"), (refused.StatusCode, refused.Detail));
        refused = await FailsAsync(() => client.GetResiliencyAsync(new GetResiliencyRequest { Namespace = "default", Name = "x" }));
        Assert.StartsWith("error getting resiliency: ", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_of_the_cluster_are_put_in_and_those_of_other_stores_are_not()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutSecret("db", ("password", "s3cret"), ("db", "by name"));
        cluster.PutComponent("a-by-key", secret: "db", key: "password");
        cluster.PutComponent("b-by-name", secret: "db");
        cluster.PutComponent("c-no-such-key", secret: "db", key: "nothing");
        cluster.Put(
            "default", "Component", "d-other-store",
            new JsonObject { ["type"] = "state.in-memory", ["version"] = "v1", ["metadata"] = new JsonArray(new JsonObject { ["name"] = "host", ["secretKeyRef"] = new JsonObject { ["name"] = "db", ["key"] = "password" } }) },
            more: new JsonObject { ["auth"] = new JsonObject { ["secretStore"] = "vault" } });
        var running = await cluster.StartOperatorAsync();

        var list = await running.As("default", "orders").ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }, cancellationToken: Stop);

        var values = list.Components.Select(c => (string?)Read(c)["spec"]!["metadata"]![0]!["value"]).ToArray();
        Assert.Equal([Base64("s3cret"), Base64("by name"), null, null], values);
        Assert.Equal("db", (string?)Read(list.Components[0])["spec"]!["metadata"]![0]!["secretKeyRef"]!["name"]);
    }

    [Fact]
    public async Task Secrets_of_the_other_kinds_are_put_in_by_their_own_rules()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutSecret("db", ("password", "s3cret"));
        JsonObject Item(string key) => new() { ["name"] = "x-token", ["secretKeyRef"] = new JsonObject { ["name"] = "db", ["key"] = key } };
        cluster.Put("default", "HTTPEndpoint", "h", new JsonObject
        {
            ["baseUrl"] = "http://x",
            ["headers"] = new JsonArray(Item("password"), Item("nothing")),
            ["clientTLS"] = new JsonObject { ["rootCA"] = Item("password") },
        });
        cluster.Put("default", "MCPServer", "m", new JsonObject { ["endpoint"] = new JsonObject { ["stdio"] = new JsonObject { ["command"] = "x", ["env"] = new JsonArray(Item("password")) } } });
        cluster.Put("default", "Configuration", "c", new JsonObject { ["tracing"] = new JsonObject { ["otel"] = new JsonObject { ["headers"] = new JsonArray(Item("password")) } } });
        cluster.Put("default", "Configuration", "no-key", new JsonObject { ["tracing"] = new JsonObject { ["otel"] = new JsonObject { ["headers"] = new JsonArray(Item("")) } } });
        cluster.Put("default", "Configuration", "bad-key", new JsonObject { ["tracing"] = new JsonObject { ["otel"] = new JsonObject { ["headers"] = new JsonArray(Item("nothing")) } } });
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");

        var endpoint = Read((await client.ListHTTPEndpointsAsync(new ListHTTPEndpointsRequest { Namespace = "default" }, cancellationToken: Stop)).HttpEndpoints[0]);
        Assert.Equal(Base64("s3cret"), (string?)endpoint["spec"]!["headers"]![0]!["value"]);
        Assert.Null(endpoint["spec"]!["headers"]![1]!["value"]);
        Assert.Equal(Base64("s3cret"), (string?)endpoint["spec"]!["clientTLS"]!["rootCA"]!["value"]);
        var server = Read((await client.ListMCPServersAsync(new ListMCPServersRequest { Namespace = "default" }, cancellationToken: Stop)).McpServers[0]);
        Assert.Equal(Base64("s3cret"), (string?)server["spec"]!["endpoint"]!["stdio"]!["env"]![0]!["value"]);
        var configuration = Read((await client.GetConfigurationAsync(new GetConfigurationRequest { Namespace = "default", Name = "c" }, cancellationToken: Stop)).Configuration);
        Assert.Equal("s3cret", (string?)configuration["spec"]!["tracing"]!["otel"]!["headers"]![0]!["value"]);

        async Task<string> ErrorOf(string name) => (await FailsAsync(() => client.GetConfigurationAsync(new GetConfigurationRequest { Namespace = "default", Name = name }))).Detail;
        Assert.Equal("error processing configuration secrets: secret key is required for header x-token", await ErrorOf("no-key"));
        Assert.Equal("error processing configuration secrets: key nothing not found in secret db", await ErrorOf("bad-key"));
    }

    [Fact]
    public async Task A_secret_that_is_missing_fails_the_call_without_showing_any_other()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("broken", secret: "absent", key: "k");
        cluster.Put("default", "Configuration", "c", new JsonObject { ["tracing"] = new JsonObject { ["otel"] = new JsonObject { ["headers"] = new JsonArray(new JsonObject { ["name"] = "x", ["secretKeyRef"] = new JsonObject { ["name"] = "absent", ["key"] = "k" } }) } } });
        cluster.Put("default", "MCPServer", "m", new JsonObject { ["endpoint"] = new JsonObject { ["sse"] = new JsonObject { ["url"] = "http://x", ["headers"] = new JsonArray(new JsonObject { ["name"] = "x", ["secretKeyRef"] = new JsonObject { ["name"] = "absent", ["key"] = "k" } }) } } });
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");

        var failed = await FailsAsync(() => client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }));
        Assert.Equal((StatusCode.Unknown, "error getting components: Secret \"absent\" not found"), (failed.StatusCode, failed.Detail));
        failed = await FailsAsync(() => client.GetConfigurationAsync(new GetConfigurationRequest { Namespace = "default", Name = "c" }));
        Assert.Equal("error processing configuration secrets: failed to get secret absent for header x: Secret \"absent\" not found", failed.Detail);
        failed = await FailsAsync(() => client.ListMCPServersAsync(new ListMCPServersRequest { Namespace = "default" }));
        Assert.Equal("error listing MCP servers: error resolving sse header secret for MCPServer \"m\": Secret \"absent\" not found", failed.Detail);

        cluster.PutSecret("absent", ("k", "now"));
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    return (await client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" })).Components.Count == 1;
                }
                catch (RpcException)
                {
                    return false;
                }
            },
            "the component is had once its secret is there");
    }

    [Fact]
    public async Task Who_takes_a_component_without_its_secret_gets_it_with_the_reason_and_the_others_beside_it()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutSecret("db", ("password", "s3cret"));
        cluster.PutComponent("a", secret: "db", key: "password");
        cluster.PutComponent("b", secret: "absent", key: "k");
        cluster.PutComponent("c");
        var running = await cluster.StartOperatorAsync();

        var list = await running.As("default", "orders").ListComponentsAsync(
            new ListComponentsRequest { Namespace = "default" }, new Metadata { { SecretProblems.Header, SecretProblems.InDocument } }, cancellationToken: TestContext.Current.CancellationToken);

        var documents = list.Components.Select(Read).ToList();
        Assert.Equal(["a", "b", "c"], documents.Select(d => (string?)d["metadata"]!["name"]));
        Assert.Equal([null, "Secret \"absent\" not found", null], documents.Select(d => (string?)d[SecretProblems.Member]));
        Assert.Equal(Convert.ToBase64String("s3cret"u8), (string?)documents[0]["spec"]!["metadata"]![0]!["value"]);
        Assert.Null(documents[1]["spec"]!["metadata"]![0]!["value"]);
    }

    [Fact]
    public async Task A_secret_that_the_watch_does_not_show_is_not_asked_for_by_every_sidecar()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutComponent("c", secret: "absent", key: "k");
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");
        await FailsAsync(() => client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }));
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("watch", "secrets") == 1, "secrets are watched");
        var asked = cluster.Server.Faults.Count("get", "secrets");

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("error getting components: Secret \"absent\" not found", (await FailsAsync(() => client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" }))).Detail);
        }

        Assert.Equal(asked, cluster.Server.Faults.Count("get", "secrets"));
    }

    [Fact]
    public async Task Secrets_are_not_watched_before_one_is_needed_and_only_needed_ones_are_read_once()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.PutSecret("needed", ("k", "v"));
        cluster.PutSecret("other", ("k", "v"));
        var running = await cluster.StartOperatorAsync();
        Assert.Equal(0, cluster.Server.Faults.Count("list", "secrets"));
        var client = running.As("default", "orders");
        cluster.PutComponent("c", secret: "needed", key: "k");
        async Task<int> ListAsync() => (await client.ListComponentsAsync(new ListComponentsRequest { Namespace = "default" })).Components.Count;
        await Eventually.TrueAsync(async () => await ListAsync() == 1, "the component is listed");
        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("watch", "secrets") == 1, "secrets are watched from now on");
        await ListAsync();
        await ListAsync();

        Assert.All(cluster.Server.Faults.Requests.Where(r => r.Resource == "secrets" && r.Verb != "get"), r => Assert.Contains("as=PartialObjectMetadata", r.Accept, StringComparison.Ordinal));
        Assert.All(cluster.Server.Faults.Requests.Where(r => r.Resource == "secrets" && r.Verb == "get"), r => Assert.Equal("needed", r.Name));
        Assert.InRange(cluster.Server.Faults.Count("get", "secrets"), 1, 2);
    }

    [Fact]
    public async Task A_kind_whose_CRD_is_missing_is_an_empty_list_and_a_warning()
    {
        await using var cluster = await OperatorCluster.StartAsync();
        cluster.Server.Types.Withdraw("mcpservers.dapr.io");
        cluster.Server.Types.Withdraw("workflowaccesspolicies.dapr.io");
        var running = await cluster.StartOperatorAsync();
        var client = running.As("default", "orders");

        Assert.Empty((await client.ListMCPServersAsync(new ListMCPServersRequest { Namespace = "default" }, cancellationToken: Stop)).McpServers);
        Assert.Empty((await client.ListWorkflowAccessPolicyAsync(new ListWorkflowAccessPolicyRequest { Namespace = "default" }, cancellationToken: Stop)).Policies);
        Assert.Contains(running.Told, l => l.StartsWith("CRD for dapr.io/v1alpha1/MCPServer not found, skipping informer: ", StringComparison.Ordinal));
    }

    private static async Task<Status> FailsAsync<T>(Func<AsyncUnaryCall<T>> call)
        => (await Assert.ThrowsAsync<RpcException>(async () => await call())).Status;

    private static JsonObject Read(ByteString document) => JsonNode.Parse(document.Span)!.AsObject();

    private static string? NameOf(ByteString document) => (string?)Read(document)["metadata"]!["name"];

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
