using System.Text;
using System.Text.Json;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Resiliency;
using Grpc.Core;
using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class DeliveryTests
{
    private const string Parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private const string Event = $$"""{ "id":"1", "source":"s", "specversion":"1.0", "type":"t", "x":[1.50], "traceparent":"{{Parent}}", "tracestate":"a=b", "data":5 }""";

    [Fact]
    public async Task An_HTTP_app_gets_the_bytes_unchanged_with_metadata_as_headers()
    {
        var bench = new PubSubBench().Ready();
        var subscription = await bench.SubscribeAsync(Spec());
        var message = new BrokerMessage("orders", Encoding.UTF8.GetBytes(Event))
        {
            Metadata = new Dictionary<string, string>
            {
                ["k"] = "v", ["Content-Length"] = "7", ["dapr-api-token"] = "forged", ["traceparent"] = "x", ["bad name"] = "v", ["bad"] = "a\r\nb: c", ["te"] = "x",
            },
        };

        Assert.Equal(Settlement.Ack, await subscription.DeliverAsync(message));

        var call = Assert.Single(bench.HttpApp.Calls);
        Assert.Equal(("/orders", Event, "application/cloudevents+json"), (call.Path, Encoding.UTF8.GetString(call.Body.Span), call.ContentType));
        Assert.Equal(["k=v", "pubsubName=pubsub"], call.Headers.Select(h => $"{h.Key}={h.Value}").Order());
        Assert.Equal((Parent, "a=b"), (call.Trace.TraceParent, call.Trace.TraceState));
    }

    [Fact]
    public async Task A_forged_trace_never_becomes_a_header()
    {
        var bench = new PubSubBench().Ready();
        var subscription = await bench.SubscribeAsync(Spec());

        await subscription.DeliverAsync("""{"traceparent":"00\r\nX: y","traceid":5,"tracestate":{"a":1}}""");

        Assert.Equal("", Assert.Single(bench.HttpApp.Calls).Trace.TraceParent);
    }

    [Fact]
    public async Task A_raw_subscription_gets_an_event_around_the_bytes()
    {
        var bench = new PubSubBench().Ready();
        var subscription = await bench.SubscribeAsync(Spec(raw: true));

        await subscription.DeliverAsync(new BrokerMessage("orders", new byte[] { 1, 2, 255 }) { Metadata = new Dictionary<string, string> { ["traceparent"] = Parent } });

        var json = JsonDocument.Parse(bench.HttpApp.Calls.Single().Body).RootElement;
        Assert.Equal<byte>([1, 2, 255], json.GetProperty("data_base64").GetBytesFromBase64());
        Assert.Equal("application/octet-stream", json.GetProperty("datacontenttype").GetString());
        Assert.Equal(Parent, json.GetProperty("traceid").GetString());
        Assert.False(json.TryGetProperty("time", out _));
    }

    [Fact]
    public async Task A_binary_mode_event_reaches_an_HTTP_app_as_its_data()
    {
        var bench = new PubSubBench().Ready();
        var subscription = await bench.SubscribeAsync(Spec());

        await subscription.DeliverAsync(new BrokerMessage("orders", new byte[] { 0, 1 })
        {
            ContentType = "application/octet-stream",
            Metadata = new Dictionary<string, string> { ["CE_traceparent"] = Parent },
        });

        Assert.Equal<byte>([0, 1], bench.HttpApp.Calls.Single().Body.ToArray());
        Assert.Equal(Parent, bench.HttpApp.Calls.Single().Trace.TraceParent);
    }

    [Theory]
    [InlineData("application/json", "{\"a\": 12345678901234567890}", "{\"a\": 12345678901234567890}")]
    [InlineData("application/cloudevents+json", "[1 ]", "[1 ]")]
    [InlineData("text/plain; charset=utf-8", "\"a\\u00e9\\n\"", "aé\n")]
    [InlineData("application/xml", "\"<a/>\"", "<a/>")]
    [InlineData("application/unknown", "\"x\"", "")]
    [InlineData("application/json", "null", "")]
    public async Task A_gRPC_app_gets_the_data_that_the_content_type_asks_for(string contentType, string data, string expected)
    {
        var (bench, app, subscription) = await GrpcAsync();

        Assert.Equal(Settlement.Ack, await subscription.DeliverAsync($$"""{"id":"1","datacontenttype":"{{contentType}}","data":{{data}},"topic":"x","n":{"a":[true,null]} }"""));

        var sent = Assert.Single(app.Events).Event;
        Assert.Equal((expected, "orders", "pubsub", "/orders", "1"), (sent.Data.ToStringUtf8(), sent.Topic, sent.PubsubName, sent.Path, sent.Id));
        Assert.Equal(["n", "topic"], sent.Extensions.Fields.Keys.Order());
        Assert.True(sent.Extensions.Fields["n"].StructValue.Fields["a"].ListValue.Values[0].BoolValue);
        Assert.Empty(bench.Broker.Published);
    }

    [Theory]
    [InlineData("""{"data_base64":"AQI="}""", Settlement.Ack)]
    [InlineData("""{"data_base64":"%%"}""", Settlement.Nack)]
    [InlineData("""{"data_base64":7}""", Settlement.Nack)]
    [InlineData("""{"datacontenttype":"text/plain","data":7}""", Settlement.Nack)]
    public async Task Data_that_a_gRPC_app_can_not_get_fails_the_message(string document, Settlement settlement)
    {
        var (_, app, subscription) = await GrpcAsync();

        Assert.Equal(settlement, await subscription.DeliverAsync(document));

        Assert.Equal(settlement == Settlement.Ack ? 1 : 0, app.Events.Count);
    }

    [Theory]
    [InlineData(200, "", Settlement.Ack, "success")]
    [InlineData(200, "{\"status\":\"DROP\"}", Settlement.Ack, "drop")]
    [InlineData(404, "", Settlement.Ack, "drop")]
    [InlineData(200, "{\"status\":\"RETRY\"}", Settlement.Nack, "retry")]
    [InlineData(500, "", Settlement.Nack, "retry")]
    public async Task The_apps_answer_settles_the_message_and_is_counted(int status, string body, Settlement settlement, string counted)
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnEvent = (_, _) => new(FakeHttpApp.Answer(status, body));
        var subscription = await bench.SubscribeAsync(Spec());

        Assert.Equal(settlement, await subscription.DeliverAsync(Event));

        Assert.Contains($"process_status=\"{counted}\",status=\"{counted}\",topic=\"orders\"}} 1", await bench.MetricsAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, "{\"status\":\"DROP\"}")]
    [InlineData(500, "")]
    public async Task What_the_app_does_not_take_goes_to_the_dead_letter_topic_as_it_came(int status, string body)
    {
        var bench = new PubSubBench().Ready();
        bench.HttpApp.OnEvent = (_, _) => new(FakeHttpApp.Answer(status, body));
        var subscription = await bench.SubscribeAsync(Spec(deadLetter: "dlq"));
        var message = new BrokerMessage("orders", Encoding.UTF8.GetBytes(Event)) { Metadata = new Dictionary<string, string> { ["k"] = "v" }, ContentType = "x/y" };

        Assert.Equal(Settlement.Ack, await subscription.DeliverAsync(message));

        var letter = Assert.Single(bench.Broker.Published);
        Assert.Equal(("dlq", Event, "v", "x/y"), (letter.Topic, Encoding.UTF8.GetString(letter.Data), letter.Metadata["k"], letter.ContentType));
    }

    [Theory]
    [InlineData("not json", Settlement.Nack)]
    [InlineData("[]", Settlement.Nack)]
    [InlineData("""{"expiration":"2020-01-01T00:00:00Z"}""", Settlement.Ack)]
    public async Task What_never_reaches_the_app_is_a_dead_letter_or_settled_without_it(string document, Settlement without)
    {
        var bench = new PubSubBench().Ready();
        var plain = await bench.SubscribeAsync(Spec());
        Assert.Equal(without, await plain.DeliverAsync(document));
        Assert.Empty(bench.HttpApp.Calls);

        var other = new PubSubBench().Ready();
        var withLetters = await other.SubscribeAsync(Spec(deadLetter: "dlq"));
        Assert.Equal(Settlement.Ack, await withLetters.DeliverAsync(document));
        Assert.Single(other.Broker.Published);
    }

    [Fact]
    public async Task A_dead_letter_that_can_not_be_published_leaves_the_message_with_the_broker()
    {
        var bench = new PubSubBench(("publishingScopes", "app1=other")).Ready();
        bench.HttpApp.OnEvent = (_, _) => new(FakeHttpApp.Answer(500));
        var subscription = await bench.SubscribeAsync(Spec(deadLetter: "dlq"));

        Assert.Equal(Settlement.Nack, await subscription.DeliverAsync(Event));
    }

    [Fact]
    public async Task A_gRPC_app_without_the_method_gets_no_dead_letters_written()
    {
        var (bench, app, subscription) = await GrpcAsync(deadLetter: "dlq");
        app.OnEvent = _ => throw new RpcException(new Status(StatusCode.Unimplemented, ""));

        Assert.Equal(Settlement.Ack, await subscription.DeliverAsync(Event));

        Assert.Empty(bench.Broker.Published);
    }

    [Fact]
    public async Task The_inbound_policy_sees_the_apps_code_and_may_mend_the_delivery()
    {
        var policy = new TwoAttempts();
        var app = new FakeHttpApp();
        var bench = new PubSubBench(new FakeChannel(app, null), policy).Ready();
        var answers = new Queue<int>([503, 200]);
        app.OnEvent = (_, _) => new(FakeHttpApp.Answer(answers.Dequeue()));
        var subscription = await bench.SubscribeAsync(Spec());

        Assert.Equal(Settlement.Ack, await subscription.DeliverAsync(Event));

        Assert.Equal(503, Assert.IsAssignableFrom<ICodedFailure>(Assert.Single(policy.Seen)).HttpStatus);
        Assert.Equal(2, app.Calls.Count);
    }

    [Fact]
    public async Task A_gRPC_apps_code_reaches_the_policy()
    {
        var policy = new TwoAttempts();
        var app = new FakeGrpcApp { OnEvent = _ => throw new RpcException(new Status(StatusCode.Aborted, "")) };
        var bench = new PubSubBench(new FakeChannel(null, app), policy).Ready();
        var subscription = await bench.SubscribeAsync(Spec());

        Assert.Equal(Settlement.Nack, await subscription.DeliverAsync(Event));

        Assert.Equal(StatusCode.Aborted, Assert.IsAssignableFrom<ICodedFailure>(policy.Seen[0]).GrpcStatus);
    }

    [Fact]
    public async Task An_unexpected_exception_fails_that_message_alone_and_is_logged_with_its_stack()
    {
        var bench = new PubSubBench().Ready();
        var broken = true;
        bench.HttpApp.OnEvent = (_, _) => broken ? throw new InvalidDataException("defect") : new(FakeHttpApp.Answer(200));
        var subscription = await bench.SubscribeAsync(Spec());

        Assert.Equal(Settlement.Nack, await subscription.DeliverAsync(Event));
        broken = false;
        Assert.Equal(Settlement.Ack, await subscription.DeliverAsync(Event));

        Assert.Contains(bench.Log.Lines, l => l.Text.Contains("InvalidDataException: defect", StringComparison.Ordinal) && l.Text.Contains("   at ", StringComparison.Ordinal));
        Assert.Contains("process_status=\"retry\"", await bench.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_namespace_is_taken_off_the_topic_and_put_before_the_subscription()
    {
        var app = new FakeGrpcApp();
        var bench = new PubSubBench(new FakeChannel(null, app), null, ("consumerID", "x-{namespace}")).Ready();
        var subscription = await bench.SubscribeAsync(Spec());

        Assert.Equal("prodorders", subscription.Request.Topic);
        await subscription.DeliverAsync(Event);

        Assert.Equal("orders", app.Events.Single().Event.Topic);
    }

    [Fact]
    public void Rules_are_tried_in_order_and_no_rule_means_no_delivery()
    {
        var yes = new Fixed(true);
        var no = new Fixed(false);
        var incoming = IncomingEvent.Read("pubsub", "t", new BrokerMessage("t", "{}"u8.ToArray()), false);

        Assert.Equal("/b", Rules(new("x", "/a", no), new("y", "/b", yes), new("", "/c")).Route(incoming.Event));
        Assert.Equal("/c", Rules(new("x", "/a", no), new("", "/c")).Route(incoming.Event));
        Assert.Null(Rules(new RouteRule("x", "/a", no)).Route(incoming.Event));

        static SubscriptionDefinition Rules(params RouteRule[] rules) => new("pubsub", "t", SubscriptionOrigin.Declarative, rules);
    }

    private static async Task<(PubSubBench Bench, FakeGrpcApp App, FakeSubscription Subscription)> GrpcAsync(string? deadLetter = null)
    {
        var app = new FakeGrpcApp { OnEvent = _ => new TopicEventResponse { Status = AppStatus.Success } };
        var bench = new PubSubBench(new FakeChannel(null, app), null).Ready();
        return (bench, app, await bench.SubscribeAsync(Spec(deadLetter: deadLetter)));
    }

    internal static SubscriptionSpec Spec(string topic = "orders", bool raw = false, string? deadLetter = null, string route = "/orders")
        => new()
        {
            Pubsubname = "pubsub",
            Topic = topic,
            Route = route,
            DeadLetterTopic = deadLetter,
            Metadata = raw ? new() { ["rawPayload"] = "true" } : null,
        };

    private sealed class Fixed(bool answer) : IRouteMatcher
    {
        public bool Matches(DaprK8s.Sidecar.PubSub.CloudEvents.CloudEvent cloudEvent) => answer;
    }
}
