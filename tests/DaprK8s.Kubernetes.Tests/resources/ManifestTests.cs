using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Generator;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Kubernetes.Tests.Resources;

/// <summary>Our definitions in an API server: what people who come from Dapr apply, and what <c>kubectl</c> then shows.</summary>
public sealed class ManifestTests : IAsyncLifetime
{
    private ToolCluster cluster = null!;
    private WebhookServer conversion = null!;

    private ClusterTool Kubectl => cluster.Kubectl;

    public static TheoryData<string, string, string> Wrong { get; } = new()
    {
        { "Component", "{version: v1, metadata: []}", "spec.type" },
        { "Component", "{type: state.redis, metadata: []}", "spec.version" },
        { "Component", "{type: state.redis, version: v1}", "spec.metadata" },
        { "Component", "{type: state.redis, version: v1, metadata: [{value: x}]}", "name" },
        { "HTTPEndpoint", "{baseUrl: 'https://x', clientTLS: {renegotiation: Always}}", "renegotiation" },
        { "Resiliency", "{policies: {}}", "targets" },
        { "Configuration", "{tracing: {stdout: true}}", "samplingRate" },
        { "Configuration", "{mtls: {enabled: true}}", "sentryAddress" },
        { "MCPServer", "{endpoint: {}}", "exactly one of streamableHTTP, sse, or stdio must be set" },
        { "MCPServer", "{endpoint: {sse: {url: ''}}}", "url" },
        { "WorkflowAccessPolicy", "{rules: [{callers: [{appID: a}]}]}", "at least one of workflows or activities must contain a rule" },
        { "WorkflowAccessPolicy", "{rules: [{callers: [], activities: [{name: x}]}]}", "callers" },
        { "WorkflowAccessPolicy", "{rules: [{callers: [{appID: a}], workflows: [{name: w, operations: [get, get]}]}]}", "operations" },
        {
            "WorkflowAccessPolicy",
            "{rules: [{callers: [{appID: a}], workflows: [{name: w, operations: [get], requires: [{eventType: event.raised, name: order, appID: b}]}]}]}",
            "requires is only valid when the rule's only operation is 'schedule'"
        },
    };

    public async ValueTask InitializeAsync()
    {
        cluster = await ToolCluster.StartAsync();
        conversion = await WebhookServer.StartAsync("dapr-webhook.dapr-system.svc");
        conversion.Answers["/convert"] = request => new JsonObject
        {
            ["result"] = new JsonObject { ["status"] = "Success" },
            ["convertedObjects"] = new JsonArray([.. request["objects"]!.AsArray().Select(o =>
                SubscriptionConversion.Convert(o!.AsObject(), request["desiredAPIVersion"]!.GetValue<string>()))]),
        };
        cluster.Server.Services.Register("dapr-system", "dapr-webhook", 443, conversion.Endpoint);
        await Kubectl.RunAsync("apply", "-f", Path.Combine(Repository.FindRoot(AppContext.BaseDirectory), "crds"));
        await Kubectl.RunAsync("patch", "crd", "subscriptions.dapr.io", "--type=json", "-p", $$"""
            [{"op":"add","path":"/spec/conversion/webhook/clientConfig/service/namespace","value":"dapr-system"},
             {"op":"add","path":"/spec/conversion/webhook/clientConfig/caBundle","value":"{{conversion.CaBundle}}"}]
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await conversion.DisposeAsync();
        await cluster.DisposeAsync();
    }

    [Fact]
    public async Task Manifests_for_Dapr_apply_unchanged_and_nothing_of_them_is_dropped()
    {
        await Kubectl.FeedAsync(Manifests.All, "apply", "--validate=strict", "-f", "-");
        foreach (var document in ResourceFiles.SplitDocuments(Manifests.All))
        {
            var applied = JsonNode.Parse(YamlJson.Convert(document)!)!.AsObject();
            var kind = applied["kind"]!.GetValue<string>();
            var version = applied["apiVersion"]!.GetValue<string>()["dapr.io/".Length..];
            var stored = JsonNode.Parse(await Kubectl.RunAsync(
                "get", $"{kind.ToLowerInvariant()}.{version}.dapr.io", applied["metadata"]!["name"]!.GetValue<string>(), "-o", "json"))!;
            foreach (var part in (string[])["spec", "scopes", "auth"])
            {
                AssertContains(applied[part], stored[part], $"{kind} {part}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task What_the_contract_refuses_is_refused(string kind, string spec, string part)
    {
        var result = await Kubectl.TryRunAsync(
            $"{{apiVersion: dapr.io/v1alpha1, kind: {kind}, metadata: {{name: x}}, spec: {spec}}}", "apply", "--validate=ignore", "-f", "-");

        Assert.NotEqual(0, result.ExitCode);
        Assert.True(result.All.Contains(part, StringComparison.Ordinal), result.All);
    }

    [Fact]
    public async Task Metrics_are_on_where_nothing_is_said_of_them()
    {
        await Kubectl.FeedAsync("{apiVersion: dapr.io/v1alpha1, kind: Configuration, metadata: {name: c}, spec: {}}", "apply", "-f", "-");

        Assert.Equal("true true", await Kubectl.RunAsync("get", "configuration", "c", "-o", "jsonpath={.spec.metric.enabled} {.spec.metrics.enabled}"));
    }

    [Fact]
    public async Task A_subscription_is_read_in_both_versions()
    {
        await Kubectl.FeedAsync(
            "{apiVersion: dapr.io/v1alpha1, kind: Subscription, metadata: {name: s}, spec: {pubsubname: p, topic: t, route: /r}, scopes: [a]}", "apply", "-f", "-");

        Assert.Equal("/r", await Kubectl.RunAsync("get", "subscriptions.v2alpha1.dapr.io", "s", "-o", "jsonpath={.spec.routes.default}"));
        Assert.Equal("/r a", await Kubectl.RunAsync("get", "subscriptions.v1alpha1.dapr.io", "s", "-o", "jsonpath={.spec.route} {.scopes[0]}"));
    }

    [Fact]
    public async Task A_status_is_written_apart_and_shown_in_the_columns()
    {
        await Kubectl.FeedAsync(
            "{apiVersion: dapr.io/v1alpha1, kind: Component, metadata: {name: statestore}, spec: {type: state.redis, version: v1, metadata: []}}", "apply", "-f", "-");
        var status = new ResourceStatus
        {
            ObservedGeneration = 1,
            Conditions =
            [
                new StatusCondition
                {
                    Type = "Ready", Status = "False", Reason = "InitFailed", Message = "it did not answer",
                    LastTransitionTime = new DateTimeOffset(2026, 1, 31, 13, 0, 0, 500, TimeSpan.FromHours(1)), ObservedGeneration = 1,
                },
            ],
            Apps = new AppsStatus
            {
                Total = 4, Ready = 3, Failed = 1, Summary = "3/4",
                Failing = [new FailingApp { AppID = "checkout", Pod = "checkout-1", Reason = "InitFailed", Message = "m", Since = DateTimeOffset.UnixEpoch }],
            },
        };
        var patch = $$"""{"status":{{System.Text.Json.JsonSerializer.Serialize(status, ResourceStatus.Json)}} }""";
        await Kubectl.RunAsync("patch", "component", "statestore", "--subresource=status", "--type=merge", "-p", patch);

        var lines = (await Kubectl.RunAsync("get", "dcomp")).Split('\n');
        Assert.Equal(["NAME", "READY", "TYPE", "VERSION", "APPS", "AGE"], lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(["statestore", "False", "state.redis", "v1", "3/4"], lines[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[..5]);
        Assert.Contains("InitFailed", await Kubectl.RunAsync("get", "components", "-o", "wide"), StringComparison.Ordinal);
        Assert.Equal(
            "2026-01-31T12:00:00Z 1970-01-01T00:00:00Z",
            await Kubectl.RunAsync("get", "component", "statestore", "-o", "jsonpath={.status.conditions[0].lastTransitionTime} {.status.apps.failing[0].since}"));
        Assert.Contains("statestore", await Kubectl.RunAsync("get", "dapr"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kubectl_explains_every_field()
    {
        Assert.Contains("Default 5s", await Kubectl.RunAsync("explain", "component.spec.initTimeout"), StringComparison.Ordinal);
        Assert.Contains("CEL expression", await Kubectl.RunAsync("explain", "subscription.spec.routes.rules.match"), StringComparison.Ordinal);
    }

    // What was applied is there as it was; defaults may have come to it.
    private static void AssertContains(JsonNode? applied, JsonNode? stored, string place)
    {
        switch (applied)
        {
            case JsonObject mapping:
                foreach (var (name, value) in mapping)
                {
                    AssertContains(value, stored?[name], $"{place}.{name}");
                }

                break;
            case JsonArray list:
                Assert.True(list.Count == (stored as JsonArray)?.Count, $"{place} has {stored?.ToJsonString()}");
                foreach (var (index, item) in list.Index())
                {
                    AssertContains(item, stored![index], $"{place}[{index}]");
                }

                break;
            default:
                Assert.True(JsonNode.DeepEquals(applied, stored), $"{place} is {stored?.ToJsonString()}");
                break;
        }
    }
}
