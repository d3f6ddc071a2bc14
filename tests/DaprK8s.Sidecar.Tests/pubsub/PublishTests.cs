using System.Text;
using System.Text.Json;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tests.State;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class PublishTests
{
    private const string Parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    [Fact]
    public async Task A_publish_over_HTTP_answers_204_and_hands_the_broker_an_envelope()
    {
        var bench = new PubSubBench().Ready();

        var answer = await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/a/b%20c?metadata.x=1", "hello");

        Assert.Equal((204, ""), (answer.Status, answer.Body));
        var published = Assert.Single(bench.Broker.Published);
        Assert.Equal("a/b c", published.Topic);
        Assert.Equal("1", published.Metadata["x"]);
        Assert.Equal("hello", bench.Envelope().GetProperty("data").GetString());
        Assert.Equal("", bench.Envelope().GetProperty("traceid").GetString());
    }

    [Fact]
    public async Task A_publish_over_gRPC_wraps_the_same_way_and_carries_its_trace()
    {
        var bench = new PubSubBench().Ready();
        using var call = CallOf(new TraceContext(Parent));

        await bench.Grpc.PublishEvent(Request(data: "{\"a\": 1.10}", type: "application/json"), call);

        Assert.Equal("{\"a\": 1.10}", bench.Envelope().GetProperty("data").GetRawText());
        Assert.Equal(Parent, bench.Envelope().GetProperty("traceparent").GetString());
    }

    [Fact]
    public async Task A_raw_payload_reaches_the_broker_as_it_is()
    {
        var bench = new PubSubBench().Ready();

        await bench.Http.SendAsync("PUT", "/v1.0/publish/pubsub/t?metadata.rawPayload=T", [0, 255, 1]);

        Assert.Equal<byte>([0, 255, 1], bench.Broker.Published.Single().Data);
        Assert.Null(bench.Broker.Published.Single().ContentType);
    }

    [Fact]
    public async Task A_raw_payload_over_gRPC_carries_the_trace_beside_it()
    {
        var bench = new PubSubBench().Ready();
        using var call = CallOf(new TraceContext(Parent, "a=b"));
        var request = Request();
        request.Metadata["rawPayload"] = "true";

        await bench.Grpc.PublishEvent(request, call);

        Assert.Equal(Parent, bench.Broker.Published.Single().Metadata["traceid"]);
        Assert.Equal("a=b", bench.Broker.Published.Single().Metadata["tracestate"]);
    }

    [Theory]
    [InlineData("10s", "2026-05-04T03:02:11Z")]
    [InlineData("60", "2026-05-04T03:03:01Z")]
    [InlineData("-5s", "2026-05-04T03:02:01Z")]
    [InlineData("-5", null)]
    [InlineData("soon", null)]
    public async Task A_TTL_that_the_broker_does_not_know_becomes_an_expiration(string ttl, string? expiration)
    {
        var bench = new PubSubBench().Ready();

        await bench.Http.SendAsync("POST", $"/v1.0/publish/pubsub/t?metadata.TTLinseconds={ttl}", "x");

        Assert.Equal(expiration, bench.Envelope().TryGetProperty("expiration", out var found) ? found.GetString() : null);
    }

    [Fact]
    public async Task A_TTL_is_left_to_a_broker_that_knows_it()
    {
        var bench = new PubSubBench().Ready();
        bench.Broker.Features = PubSubFeatures.MessageTtl;

        await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/t?metadata.ttl=10s", "x");

        Assert.False(bench.Envelope().TryGetProperty("expiration", out _));
    }

    [Fact]
    public async Task The_namespace_stands_before_the_topic_of_a_scoped_component_and_scopes_see_the_topic_without()
    {
        var bench = new PubSubBench(("consumerID", "{namespace}"), ("allowedTopics", "t")).Ready();

        Assert.Equal(204, (await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/t", "x")).Status);

        Assert.Equal("prodt", bench.Broker.Published.Single().Topic);
        Assert.Equal("t", bench.Envelope().GetProperty("topic").GetString());
    }

    [Fact]
    public async Task Errors_of_HTTP_have_their_status_code_reason_and_text()
    {
        var bench = new PubSubBench(("protectedTopics", "secret")).Ready();
        bench.Broker.OnPublish = m => m.Topic == "bad" ? new BrokerUnavailableException("broker is down") : null;

        await ExpectAsync("none/t", 404, "ERR_PUBSUB_NOT_FOUND", "DAPR_PUBSUB_NOT_FOUND", "pubsub none is not found", hasResource: false);
        await ExpectAsync("pubsub/t?metadata.rawPayload=maybe", 400, "ERR_PUBSUB_REQUEST_METADATA", "DAPR_PUBSUB_METADATA_DESERIALIZATION",
            "failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is 'maybe'");
        await ExpectAsync("pubsub/secret", 403, "ERR_PUBSUB_FORBIDDEN", "DAPR_PUBSUB_FORBIDDEN", "topic secret is not allowed for app id app1");
        await ExpectAsync("pubsub/bad", 500, "ERR_PUBSUB_PUBLISH_MESSAGE", "DAPR_PUBSUB_PUBLISH_MESSAGE", "error when publishing to topic bad in pubsub pubsub: broker is down");
        await ExpectAsync("pubsub/big", 500, "ERR_PUBSUB_PUBLISH_MESSAGE", "DAPR_PUBSUB_PUBLISH_MESSAGE", "error when publishing to topic big in pubsub pubsub: stream too large", limit: 1);

        async Task ExpectAsync(string path, int status, string code, string reason, string message, bool hasResource = true, long limit = long.MaxValue)
        {
            var answer = await bench.Http.SendAsync("POST", "/v1.0/publish/" + path, "body", limit: limit);
            var error = JsonDocument.Parse(answer.Body).RootElement;
            Assert.Equal((status, code, message), (answer.Status, error.GetProperty("errorCode").GetString(), error.GetProperty("message").GetString()));
            var details = error.GetProperty("details");
            Assert.Equal(reason, details[0].GetProperty("reason").GetString());
            Assert.Equal(hasResource ? 2 : 1, details.GetArrayLength());
            if (hasResource)
            {
                Assert.Equal("pubsub", details[1].GetProperty("resource_type").GetString());
                Assert.Equal(message, details[1].GetProperty("description").GetString());
            }
        }
    }

    [Fact]
    public async Task Errors_of_gRPC_have_their_code_reason_and_text()
    {
        var bench = new PubSubBench(("protectedTopics", "secret")).Ready();

        await ExpectAsync(Request(pubsub: ""), StatusCode.InvalidArgument, "DAPR_PUBSUB_NAME_EMPTY", "pubsub name is empty");
        await ExpectAsync(Request(pubsub: "none"), StatusCode.InvalidArgument, "DAPR_PUBSUB_NOT_FOUND", "pubsub none is not found");
        await ExpectAsync(Request(topic: ""), StatusCode.InvalidArgument, "DAPR_PUBSUB_TOPIC_NAME_EMPTY", "topic is empty in pubsub pubsub");
        await ExpectAsync(Request(topic: "secret"), StatusCode.PermissionDenied, "DAPR_PUBSUB_FORBIDDEN", "topic secret is not allowed for app id app1");
        await ExpectAsync(Request(data: "{", type: "application/cloudevents+json"), StatusCode.InvalidArgument, "DAPR_PUBSUB_CLOUD_EVENT_CREATION", "cannot create cloudevent");

        async Task ExpectAsync(PublishEventRequest request, StatusCode code, string reason, string text)
        {
            var error = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.PublishEvent(request, bench.Call));
            Assert.Equal((code, text, reason), (error.Code, error.Text, GrpcProbe.Reason(error.Details)));
        }
    }

    [Fact]
    public async Task The_errors_metadata_is_that_of_the_request_or_tells_the_topic()
    {
        var bench = new PubSubBench(("protectedTopics", "secret")).Ready();
        var unknown = Request(pubsub: "none");
        unknown.Metadata["k"] = "v";

        var notFound = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.PublishEvent(unknown, bench.Call));
        var forbidden = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.PublishEvent(Request(topic: "secret"), bench.Call));

        Assert.Equal("v", GrpcProbe.Find<ErrorInfo>(notFound.Details)!.Metadata["k"]);
        Assert.Equal("secret", GrpcProbe.Find<ErrorInfo>(forbidden.Details)!.Metadata["topic"]);
        Assert.Equal("pubsub", GrpcProbe.Find<ResourceInfo>(forbidden.Details)!.ResourceName);
    }

    [Fact]
    public async Task A_component_that_is_not_ready_says_since_when_and_why()
    {
        var bench = new PubSubBench();
        bench.Handle.MarkFailed("connection refused");

        var answer = await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/t", "x");
        var error = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.PublishEvent(Request(), bench.Call));

        Assert.Equal(400, answer.Status);
        Assert.Contains("ERR_PUBSUB_NOT_CONFIGURED", answer.Body, StringComparison.Ordinal);
        Assert.Contains("connection refused", answer.Body, StringComparison.Ordinal);
        Assert.Equal((StatusCode.FailedPrecondition, "DAPR_PUBSUB_NOT_CONFIGURED"), (error.Code, GrpcProbe.Reason(error.Details)));
    }

    [Fact]
    public async Task A_publish_waits_for_a_component_that_is_starting()
    {
        var bench = new PubSubBench();
        var publish = bench.Grpc.PublishEvent(Request(), bench.Call);
        Assert.False(publish.IsCompleted);

        bench.Ready();
        await publish;

        Assert.Single(bench.Broker.Published);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_policy_sees_the_brokers_code_as_the_surface_has_it(bool http)
    {
        var policy = new TwoAttempts();
        var bench = new PubSubBench(null, policy).Ready();
        var failures = 1;
        bench.Broker.OnPublish = _ => failures-- > 0 ? new BrokerUnavailableException("down") : null;

        if (http)
        {
            Assert.Equal(204, (await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/t", "x")).Status);
        }
        else
        {
            await bench.Grpc.PublishEvent(Request(), bench.Call);
        }

        var seen = Assert.IsAssignableFrom<ICodedFailure>(Assert.Single(policy.Seen));
        Assert.Equal(http ? (503, null) : ((int?)null, (StatusCode?)StatusCode.Unavailable), (seen.HttpStatus, seen.GrpcStatus));
        Assert.Single(bench.Broker.Published);
    }

    [Fact]
    public async Task A_publish_is_counted_by_its_outcome()
    {
        var bench = new PubSubBench(("protectedTopics", "secret")).Ready();
        await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/t", "x");
        await bench.Http.SendAsync("POST", "/v1.0/publish/pubsub/secret", "x");

        var metrics = await bench.MetricsAsync();

        Assert.Contains("dapr_component_pubsub_egress_count{app_id=\"app1\",component=\"pubsub\",namespace=\"prod\",success=\"true\",topic=\"t\"} 1", metrics, StringComparison.Ordinal);
        Assert.Contains("success=\"false\",topic=\"secret\"} 1", metrics, StringComparison.Ordinal);
    }

    private static GrpcCall CallOf(TraceContext trace)
    {
        var http = new DefaultHttpContext();
        http.Features.Set(new TraceFeature(trace));
        return new GrpcCall(http, 0);
    }

    private static PublishEventRequest Request(string pubsub = "pubsub", string topic = "t", string data = "x", string type = "")
        => new() { PubsubName = pubsub, Topic = topic, Data = ByteString.CopyFrom(data, Encoding.UTF8), DataContentType = type };
}

/// <summary>A policy that tries twice and keeps what it saw.</summary>
internal sealed class TwoAttempts : IResiliency, IPolicy
{
    public List<Exception> Seen { get; } = [];

    public bool MayRetry => true;

    public IPolicy? ForComponent(ComponentHandle component, FlowDirection direction) => this;

    public IPolicy? ForApp(string target, string operation) => null;

    public async ValueTask<TResult> RunAsync<TState, TResult>(
        Func<TState, CancellationToken, ValueTask<TResult>> attempt, TState state, CancellationToken cancellationToken)
    {
        try
        {
            return await attempt(state, cancellationToken);
        }
        catch (Exception e)
        {
            Seen.Add(e);
            return await attempt(state, cancellationToken);
        }
    }
}
