using System.Text;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Kubernetes;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.Tests.AccessControl;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Tests.Kubernetes;

/// <summary>What a sidecar in Kubernetes loads before it serves (contract: k8s 5.3, 5.4).</summary>
public sealed class LoadFromOperatorTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everything_of_the_own_namespace_is_loaded_over_mTLS()
    {
        await using var source = await SourceUnderTest.CreateAsync(configuration: "mine");
        source.Operator.Put("Configuration", """
            {"metadata":{"name":"mine","namespace":"apps","creationTimestamp":null},"spec":{"tracing":null,"metric":{"enabled":false},"mtls":{"enabled":null}}}
            """);
        source.Operator.Put("Component", SourceUnderTest.Component("store"));
        source.Operator.Put("Component", SourceUnderTest.Component("foreign", @namespace: "other"));
        source.Operator.Put("HTTPEndpoint", """{"metadata":{"name":"api","namespace":"apps"},"spec":{"baseUrl":"https://example.com","headers":null},"auth":{"secretStore":""}}""");
        source.Operator.Put("Subscription", """
            {"kind":"Subscription","apiVersion":"dapr.io/v2alpha1","metadata":{"name":"sub"},"spec":{"pubsubname":"p","topic":"t","routes":{"default":"/x"},"bulkSubscribe":{"enabled":false}}}
            """);
        source.Operator.Put("Resiliency", """{"metadata":{"name":"res","namespace":"apps"},"spec":{"policies":{},"targets":{}}}""");
        source.Operator.Put("MCPServer", """{"metadata":{"name":"mcp"},"spec":{"endpoint":{}}}""");
        source.Operator.Put("WorkflowAccessPolicy", """{"metadata":{"name":"wap"},"spec":{}}""");

        var loaded = await source.Source.LoadAsync(Cancel);

        Assert.False(loaded.Configuration.Spec.Metric!.Enabled);
        Assert.True(loaded.Configuration.Spec.Tracing!.Otel!.IsSecure, "a default behind a null stays");
        Assert.Equal(["store"], loaded.Resources.Components.Select(c => c.Name));
        Assert.Equal(1, loaded.Resources.Components[0].Metadata.Generation);
        Assert.Equal("https://example.com", Assert.Single(loaded.Resources.HttpEndpoints).Spec.BaseUrl);
        Assert.Equal("/x", Assert.Single(loaded.Resources.Subscriptions).Spec.Routes!.Default);
        Assert.Equal(
            [("MCPServer", "mcp"), ("Resiliency", "res"), ("WorkflowAccessPolicy", "wap")],
            loaded.Resources.Others.Select(o => (o.Kind, o.Name)).Order());
        Assert.All(source.Operator.Callers, c => Assert.Contains("spiffe://public/ns/apps/orders", c, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_Configuration_the_defaults_count_and_the_operator_is_not_asked_for_one()
    {
        await using var source = await SourceUnderTest.CreateAsync();

        var loaded = await source.Source.LoadAsync(Cancel);

        Assert.Equal("public", loaded.Configuration.Spec.AccessControl!.TrustDomain);
        Assert.Equal(0, source.Operator.Calls("GetConfiguration"));
    }

    [Fact]
    public async Task A_Configuration_that_is_not_there_ends_the_start_with_the_operators_words()
    {
        await using var source = await SourceUnderTest.CreateAsync(configuration: "absent");

        var e = await Assert.ThrowsAsync<FatalException>(() => source.Source.LoadAsync(Cancel));

        Assert.StartsWith("error loading configuration: ", e.Message, StringComparison.Ordinal);
        Assert.Contains("error getting configuration apps/absent: Configuration.dapr.io \"absent\" not found", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ListResiliency", null)]
    [InlineData("ListHTTPEndpoints", null)]
    [InlineData("ListComponents", "failed to load components: ")]
    [InlineData("ListSubscriptionsV2", "failed to load declarative subscriptions: ")]
    [InlineData("ListWorkflowAccessPolicy", "failed to load workflow access policies: ")]
    [InlineData("ListMCPServers", "failed to load mcpservers: ")]
    public async Task What_a_refused_list_means_depends_on_its_kind(string method, string? fatal)
    {
        await using var source = await SourceUnderTest.CreateAsync();
        source.Operator.Refuse[method] = () => new Status(StatusCode.Unknown, "no such luck");

        var e = await Record.ExceptionAsync(() => source.Source.LoadAsync(Cancel));

        if (fatal is null)
        {
            Assert.Null(e);
            Assert.Contains(source.Log.All, l => l.Level >= LogLevel.Warning && l.Text.Contains("no such luck", StringComparison.Ordinal));
        }
        else
        {
            Assert.StartsWith(fatal, Assert.IsType<FatalException>(e).Message, StringComparison.Ordinal);
            Assert.EndsWith("no such luck", e.Message, StringComparison.Ordinal);
        }

        Assert.Equal(1, source.Operator.Calls(method));
    }

    [Theory]
    [InlineData("ListWorkflowAccessPolicy")]
    [InlineData("ListMCPServers")]
    public async Task An_older_operator_need_not_know_the_newer_kinds(string method)
    {
        await using var source = await SourceUnderTest.CreateAsync();
        source.Operator.Unimplemented[method] = true;
        source.Operator.Put("Component", SourceUnderTest.Component("store"));

        Assert.Single((await source.Source.LoadAsync(Cancel)).Resources.Components);
    }

    [Fact]
    public async Task An_older_operator_without_Subscriptions_is_forgiven()
    {
        await using var source = await SourceUnderTest.CreateAsync();
        source.Operator.Refuse["ListSubscriptionsV2"] = () => new Status(StatusCode.Internal, "grpc: error while marshaling: proto: Marshal called with nil");

        Assert.Empty((await source.Source.LoadAsync(Cancel)).Resources.Subscriptions);
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.ResourceExhausted)]
    public async Task A_call_that_the_operator_cannot_serve_now_is_made_again(StatusCode code)
    {
        await using var source = await SourceUnderTest.CreateAsync();
        source.Operator.Put("Component", SourceUnderTest.Component("store"));
        var left = 3;
        source.Operator.Refuse["ListComponents"] = () => Interlocked.Decrement(ref left) >= 0 ? new Status(code, "busy") : null;

        Assert.Single((await source.Source.LoadAsync(Cancel)).Resources.Components);
        Assert.Equal(4, source.Operator.Calls("ListComponents"));
    }

    [Fact]
    public async Task A_call_that_hangs_is_made_again()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time);
        var never = new TaskCompletionSource();
        source.Operator.Hold["ListComponents"] = never.Task;
        source.Operator.Put("Component", SourceUnderTest.Component("store"));
        var loading = source.Source.LoadAsync(Cancel);
        await source.UntilAsync(() => source.Operator.Calls("ListComponents") == 1, "the first try is under way");

        source.Operator.Hold.Clear();
        await source.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return loading.IsCompleted;
            },
            "the list is had by another try");

        Assert.Single((await loading).Resources.Components);
    }

    [Fact]
    public async Task An_operator_that_comes_late_is_waited_for()
    {
        await using var source = await SourceUnderTest.CreateAsync(isStarted: false);
        var dialling = source.Connection.DialAsync(Cancel);
        await source.UntilAsync(() => source.Log.All.Any(l => l.Text.StartsWith("Waiting for the operator", StringComparison.Ordinal)), "the wait is told of");

        await source.Operator.StartAsync();
        await dialling;

        Assert.Empty((await source.Source.LoadAsync(Cancel)).Resources.Components);
    }

    [Fact]
    public async Task An_operator_that_does_not_come_within_30_s_ends_the_start()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(isStarted: false, time: time);
        var dialling = source.Connection.DialAsync(Cancel);
        await source.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return dialling.IsCompleted;
            },
            "the dial gives up");

        var e = await Assert.ThrowsAsync<OperatorException>(() => dialling);
        Assert.Contains($"error connecting to the operator at {source.Operator.Address} within 30 s", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("spiffe://cluster.local/ns/dapr-system/dapr-sentry")]
    [InlineData("spiffe://cluster.local/ns/other/dapr-operator")]
    [InlineData("spiffe://public/ns/dapr-system/dapr-operator")]
    public async Task Somebody_else_than_the_operator_is_never_asked(string uri)
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(operatorUri: uri, time: time);
        var dialling = source.Connection.DialAsync(Cancel);
        var refusal = $"unexpected SPIFFE ID: \"{uri}\", expected spiffe://cluster.local/ns/dapr-system/dapr-operator";
        await source.UntilAsync(() => source.Log.All.Any(l => l.Text.Contains(refusal, StringComparison.Ordinal)), "it is told who was there");
        await source.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return dialling.IsCompleted;
            },
            "the dial gives up");

        await Assert.ThrowsAsync<OperatorException>(() => dialling);
        Assert.Empty(source.Operator.Callers);
    }

    [Fact]
    public async Task A_caller_of_another_namespace_is_told_so()
    {
        await using var source = await SourceUnderTest.CreateAsync(callerUri: "spiffe://public/ns/elsewhere/orders");

        var e = await Assert.ThrowsAsync<FatalException>(() => source.Source.LoadAsync(Cancel));

        Assert.Contains("identity does not match requested namespace exp=apps got=elsewhere", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_that_cannot_be_read_is_left_out_and_its_text_is_not_logged()
    {
        await using var source = await SourceUnderTest.CreateAsync();
        source.Operator.Put("Component", SourceUnderTest.Component("good"));
        source.Operator.Put("Component", """{"metadata":{"name":"bad"},"spec":{"type":{"very":"hush-hush"}}}""");
        source.Operator.Put("Component", """{"metadata":{"name":"odd"},"spec":"hush-hush"}""");

        var loaded = await source.Source.LoadAsync(Cancel);

        Assert.Contains(loaded.Resources.Components, c => c.Name == "good");
        Assert.DoesNotContain(loaded.Resources.Components, c => c.Name == "odd");
        Assert.Contains(source.Log.All, l => l.Level == LogLevel.Error && l.Text.Contains("Component", StringComparison.Ordinal));
        Assert.DoesNotContain(source.Log.All, l => l.Text.Contains("hush-hush", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_built_in_secret_store_is_first_unless_one_of_its_name_is_configured()
    {
        await using var source = await SourceUnderTest.CreateAsync(hasBuiltIn: true);
        source.Operator.Put("Component", SourceUnderTest.Component("a-store"));
        var components = (await source.Source.LoadAsync(Cancel)).Resources.Components;
        Assert.Equal([("kubernetes", "secretstores.kubernetes"), ("a-store", "state.in-memory")], components.Select(c => (c.Name, c.Spec.Type)));

        source.Operator.Put("Component", SourceUnderTest.Component("kubernetes", "secretstores.local.env"));
        components = (await source.Source.LoadAsync(Cancel)).Resources.Components;
        Assert.Equal("secretstores.local.env", Assert.Single(components, c => c.Name == "kubernetes").Spec.Type);

        source.Operator.Put("Component", SourceUnderTest.Component("kubernetes", "secretstores.local.env", """,  "scopes":["another"]"""));
        components = (await source.Source.LoadAsync(Cancel)).Resources.Components;
        Assert.Equal(2, components.Count(c => c.Name == "kubernetes"));
    }

    [Fact]
    public async Task Values_that_the_operator_filled_in_are_decoded_without_any_secret_store()
    {
        await using var source = await SourceUnderTest.CreateAsync();
        var secret = Convert.ToBase64String(Encoding.UTF8.GetBytes("s3cr3t ü"));
        source.Operator.Put("Component", $$$$"""
            {"metadata":{"name":"store","namespace":"apps"},"spec":{"type":"state.redis","version":"v1","metadata":[
              {"name":"plain","value":"as it is","secretKeyRef":{"name":"","key":""}},
              {"name":"redisPassword","value":"{{{{secret}}}}","secretKeyRef":{"name":"redis","key":"pw"}}]},"auth":{"secretStore":""}}
            """);

        var component = Assert.Single((await source.Source.LoadAsync(Cancel)).Resources.Components);
        var resolver = new SecretResolver(_ => null, _ => null, new SidecarInfo("orders", "apps"), isKubernetes: true);
        var resolved = await resolver.ResolveAsync(component, Cancel);

        Assert.Equal("as it is", resolved.Find("plain"));
        Assert.Equal("s3cr3t ü", resolved.Find("redisPassword"));
    }
}
