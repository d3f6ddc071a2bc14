using System.Net;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Sidecar;

/// <summary>Logs, metrics and traces, as dashboards and collectors made for Dapr expect them.</summary>
public sealed class ObservabilityTests
{
    [Fact]
    public async Task Text_lines_have_the_fields_in_order()
    {
        await using var daprd = await Daprd.With(appId: "logger").StartAsync();

        var line = await daprd.Log.WaitForAsync("app id: logger");

        Assert.Matches("""^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)" level=info msg="app id: logger" app_id=logger instance=\S+ scope=dapr\.runtime type=log ver=\S+$""", line);
    }

    [Fact]
    public async Task Json_lines_are_objects_with_the_fields()
    {
        await using var daprd = await Daprd.With(appId: "logger", flags: ["--log-as-json", "--enable-api-logging"]).StartAsync();
        await daprd.Http.GetAsync("/v1.0/metadata?x=%22");

        var call = JsonDocument.Parse(await daprd.Log.WaitForAsync("/v1.0/metadata")).RootElement;

        Assert.Equal(("HTTP API Called", "info", "logger", "dapr.runtime.http-info", "log"), (
            call.GetProperty("msg").GetString(), call.GetProperty("level").GetString(), call.GetProperty("app_id").GetString(),
            call.GetProperty("scope").GetString(), call.GetProperty("type").GetString()));
        Assert.Equal(("GET /v1.0/metadata", 200), (call.GetProperty("method").GetString(), call.GetProperty("code").GetInt32()));
        Assert.All(daprd.Log.All, l => JsonDocument.Parse(l).Dispose());
    }

    [Fact]
    public async Task Api_logs_hide_urls_and_health_checks_when_told_to()
    {
        await using var daprd = await Daprd.With(
            resources: Resource.InMemoryState(),
            config: Resource.Configuration("logging:\n  apiLogging: {enabled: true, obfuscateURLs: true, omitHealthChecks: true}"),
            flags: ["--log-level=error"]).StartAsync();
        await daprd.Http.GetAsync("/v1.0/state/statestore/very-secret-key");

        await daprd.Log.WaitForAsync("method=GetState");
        Assert.False(daprd.Log.Contains("very-secret-key"));
        Assert.False(daprd.Log.Contains("healthz"));
    }

    [Fact]
    public async Task A_log_file_is_appended_to()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "before\n");
        await using var daprd = await Daprd.With(flags: ["--log-file", file]).StartAsync();

        await Eventually.TrueAsync(() => File.ReadAllText(file).Contains("app id:", StringComparison.Ordinal), "the file has the log");
        Assert.StartsWith("before\n", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_have_the_names_and_labels_of_the_contract()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("GET /orders/1", Reply.Ok).On("POST /handle", Reply.Message("SUCCESS")));
        await using var daprd = await Daprd.With(
            appId: "metered", app: app,
            resources: Resource.All(Resource.InMemoryState(), Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle"))).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(appId: "metercaller").StartAsync();
        await daprd.Log.WaitForAsync("subscribed to topic");
        await daprd.Http.PostAsync("/v1.0/state/statestore", new StringContent("""[{"key":"k","value":1}]"""));
        await daprd.Http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("x"));
        await caller.Http.GetAsync("/v1.0/invoke/metered/method/orders/1");
        await app.WaitForAsync("/handle");

        foreach (var series in new[]
        {
            """dapr_component_state_count{app_id="metered",component="statestore",namespace="",operation="set",success="true"} 1""",
            """dapr_component_pubsub_egress_count{app_id="metered",component="pubsub",namespace="",success="true",topic="t"} 1""",
            """dapr_component_pubsub_ingress_count{app_id="metered",component="pubsub",namespace="",process_status="success",status="success",topic="t"} 1""",
            """dapr_http_server_request_count{app_id="metered",method="POST",path="/v1.0/state/statestore",status="204"} 1""",
            """dapr_http_client_completed_count{app_id="metered",method="GET",path="/{method}",status="200"} 1""",
            """dapr_runtime_service_invocation_req_recv_total{app_id="metered",src_app_id="metercaller"} 1""",
            """dapr_runtime_component_loaded{app_id="metered"} 2""",
        })
        {
            await Eventually.TrueAsync(async () => (await daprd.MetricsAsync()).Contains(series, StringComparison.Ordinal), series);
        }

        var seen = await caller.MetricsAsync();
        Assert.Contains("""dapr_runtime_service_invocation_req_sent_total{app_id="metercaller",dst_app_id="metered",type="unary"} 1""", seen, StringComparison.Ordinal);
        Assert.Contains("""dapr_http_server_latency_bucket{app_id="metercaller",method="GET",path="/v1.0/invoke/metered/method/{method}",status="200",le="1"}""", seen, StringComparison.Ordinal);
        Assert.Contains("process_resident_memory_bytes", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Path_labels_follow_the_configuration()
    {
        await using var raw = await Daprd.With(config: Resource.Configuration("metrics: {enabled: true, http: {increasedCardinality: true}}")).StartAsync();
        await using var low = await Daprd.With(config: Resource.Configuration("metrics: {enabled: true, http: {increasedCardinality: false}}")).StartAsync();
        await using var matched = await Daprd.With(config: Resource.Configuration(
            "metrics: {enabled: true, http: {increasedCardinality: false, pathMatching: [\"/orders/{id}\"]}}")).StartAsync();
        foreach (var daprd in new[] { raw, low, matched })
        {
            await daprd.Http.GetAsync("/v1.0/invoke/nobody/method/orders/17");
        }

        Assert.Contains("path=\"/v1.0/invoke/nobody/method/orders/17\"", await raw.MetricsAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain("orders", await low.MetricsAsync(), StringComparison.Ordinal);
        Assert.Contains("path=\"/v1.0/invoke/{app_id}/method/orders/{id}\"", await matched.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Series_are_capped_and_the_rest_counts_as_other()
    {
        await using var daprd = await Daprd.With(config: Resource.Configuration("metrics: {enabled: true, http: {increasedCardinality: true}}")).StartAsync();
        for (var i = 0; i < 1200; i++)
        {
            (await daprd.Http.GetAsync($"/path-{i}")).Dispose();
        }

        var metrics = await daprd.MetricsAsync();

        Assert.InRange(metrics.Split('\n').Count(l => l.StartsWith("dapr_http_server_request_count{", StringComparison.Ordinal)), 1, 1001);
        Assert.Contains("path=\"other\"", metrics, StringComparison.Ordinal);
        Assert.Single(daprd.Log.With("metric dapr_http_server_request_count reached its cap"));
    }

    [Fact]
    public async Task Error_codes_are_counted_when_asked_for_and_metrics_can_be_off()
    {
        await using var counting = await Daprd.With(config: Resource.Configuration("metrics: {enabled: true, recordErrorCodes: true}")).StartAsync();
        await using var off = await Daprd.With(config: Resource.Configuration("metrics: {enabled: false}")).StartAsync();
        await counting.Http.GetAsync("/v1.0/state/nope/k");
        await off.Http.GetAsync("/v1.0/state/nope/k");

        Assert.Contains($"dapr_error_code_total{{app_id=\"{counting.AppId}\",category=\"state\",error_code=\"ERR_STATE_STORE_NOT_CONFIGURED\"}} 1", await counting.MetricsAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain("\ndapr_", await off.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_without_a_code_of_their_own_are_not_counted()
    {
        await using var daprd = await Daprd.With(config: Resource.Configuration("metrics: {enabled: true, recordErrorCodes: true}")).StartAsync();
        using var stream = daprd.Grpc.SubscribeTopicEventsAlpha1();
        await stream.RequestStream.WriteAsync(new() { InitialRequest = new() { Topic = "t" } });

        await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => stream.ResponseStream.MoveNext(CancellationToken.None));
        await daprd.Http.GetAsync("/v1.0/state/nope/k");

        var counted = (await daprd.MetricsAsync()).Split('\n').Where(l => l.StartsWith("dapr_error_code_total{", StringComparison.Ordinal));
        Assert.Contains("ERR_STATE_STORE_NOT_CONFIGURED", Assert.Single(counted));
    }

    [Fact]
    public async Task A_trace_passes_through_invocation_publish_and_delivery()
    {
        const string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var app = await HttpApp.StartAsync(a => a.On("GET /hello", Reply.Ok).On("POST /handle", Reply.Message("SUCCESS")));
        await using var daprd = await Daprd.With(
            app: app, resources: Resource.All(Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle"))).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();
        await daprd.Log.WaitForAsync("subscribed to topic");

        using var invoke = new HttpRequestMessage(HttpMethod.Get, $"/v1.0/invoke/{daprd.AppId}/method/hello") { Headers = { { "traceparent", parent }, { "tracestate", "v=1" } } };
        using var answer = await caller.Http.SendAsync(invoke);
        using var publish = new HttpRequestMessage(HttpMethod.Post, "/v1.0/publish/pubsub/t") { Headers = { { "traceparent", parent } }, Content = new StringContent("x") };
        await daprd.Http.SendAsync(publish);

        Assert.Equal(parent, Assert.Single(app.To("/hello")).Header("traceparent"));
        Assert.Equal("v=1", Assert.Single(app.To("/hello")).Header("tracestate"));
        Assert.Equal(parent, answer.Headers.GetValues("traceparent").Single());
        var delivered = Assert.Single(await app.WaitForAsync("/handle"));
        Assert.Equal(parent, delivered.Json.GetProperty("traceparent").GetString());
        Assert.Equal(parent, delivered.Header("traceparent"));
    }

    [Fact]
    public async Task Spans_are_exported_to_otlp_and_zipkin()
    {
        await using var collector = await HttpApp.StartAsync(a => a.On("POST /v1/traces", Reply.Ok).On("POST /api/v2/spans", Reply.Of(202)));
        await using var app = await HttpApp.StartAsync(a => a.On("GET /hello", Reply.Ok));
        var config = Resource.Configuration($$"""
            tracing:
              samplingRate: "1"
              stdout: true
              zipkin: {endpointAddress: "http://127.0.0.1:{{collector.Port}}/api/v2/spans"}
              otel: {endpointAddress: "127.0.0.1:{{collector.Port}}", isSecure: false, protocol: http}
            """);
        await using var daprd = await Daprd.With(app: app, config: config).StartAsync(Until.Ready);

        await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/hello");

        var zipkin = await collector.WaitForAsync("/api/v2/spans");
        Assert.Contains(zipkin, r => r.Text.Contains($"calllocal/{daprd.AppId}/hello", StringComparison.OrdinalIgnoreCase));
        await collector.WaitForAsync("/v1/traces");
        await daprd.Log.WaitForAsync($"[CallLocal/{daprd.AppId}/hello] Trace: ");
        Assert.True(daprd.Log.Contains("Dapr trace sampler initialized: ParentBased{root:AlwaysOnSampler"));
        Assert.NotEqual("00-00000000000000000000000000000000-0000000000000000-00", Assert.Single(app.To("/hello")).Header("traceparent"));
    }

    [Fact]
    public async Task With_a_sampling_rate_of_zero_nothing_is_added()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("GET /hello", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, config: Resource.Configuration("tracing: {samplingRate: \"0\"}")).StartAsync(Until.Ready);

        using var answer = await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/hello");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("traceparent"));
        Assert.Null(Assert.Single(app.To("/hello")).Header("traceparent"));
    }
}
