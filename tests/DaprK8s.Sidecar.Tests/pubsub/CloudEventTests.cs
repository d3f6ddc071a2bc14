using System.Buffers;
using System.Text;
using System.Text.Json;
using CsCheck;
using DaprK8s.Components;
using DaprK8s.Sidecar.PubSub.CloudEvents;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class CloudEventTests
{
    private const string Parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private static readonly Gen<string> GenNumber = Gen.OneOf(
        Gen.Long.Select(l => l.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        Gen.Const("123456789012345678901234567890.12345678901234567890e-400"),
        Gen.Const("9007199254740993"),
        Gen.Const("-0.0"),
        Gen.Const("1E400"));

    private static readonly Gen<string> GenJson = Gen.Recursive<string>((depth, inner) => depth > 3
        ? GenScalar()
        : Gen.OneOf(
            GenScalar(),
            inner.Array[0, 4].Select(items => $"[{string.Join(" , ", items)}]"),
            Gen.Select(Gen.String, inner).Array[0, 4].Select(fields => "{" + string.Join(",", fields.Select(f => $"{Quote(f.Item1)}: {f.Item2}")) + "}")));

    private static readonly Gen<string> GenContentType = Gen.OneOf(
        Gen.OneOf(
            "", "application/json", "APPLICATION/JSON; charset=utf-8", "text/plain", "application/xml", "application/octet-stream",
            "application/x-protobuf", "application/cloudevents+protobuf", "application/vnd.x+json"),
        Gen.String);

    [Fact]
    public void JSON_data_survives_to_the_byte()
        => GenJson.Sample(json =>
        {
            var envelope = Wrap("application/json; charset=utf-8", Encoding.UTF8.GetBytes(json));
            var read = CloudEventReader.Read(envelope);
            return Encoding.UTF8.GetString(read.Raw(read.Find(EventAttribute.Data)).Span) == json;
        });

    [Fact]
    public void Only_the_first_value_of_a_JSON_body_counts()
    {
        Assert.Equal("1", Data(Wrap("application/json", " 1 {} rest"u8)).GetRawText());
        Assert.Equal("{}", Data(Wrap("application/json", "{}]garbage"u8)).GetRawText());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"a\":")]
    [InlineData("hello")]
    [InlineData("{'a':1}")]
    public void A_JSON_body_that_is_none_becomes_a_string(string body)
        => Assert.Equal(body, Data(Wrap("application/json", Encoding.UTF8.GetBytes(body))).GetString());

    [Fact]
    public void Any_bytes_of_any_content_type_make_a_valid_envelope_that_gives_them_back()
        => Gen.Select(GenContentType, Gen.Byte.Array).Sample((contentType, body) =>
        {
            if (DataContentType.FormOf(contentType) == DataForm.CloudEvent)
            {
                return;
            }

            var document = Wrap(contentType, body);
            var json = JsonDocument.Parse(document).RootElement;
            Assert.Equal("1.0", json.GetProperty("specversion").GetString());
            var hasData = json.TryGetProperty("data", out var data);
            Assert.NotEqual(hasData, json.TryGetProperty("data_base64", out var base64));
            if (!hasData)
            {
                Assert.Equal(body, base64.GetBytesFromBase64());
            }
            else if (DataContentType.FormOf(contentType) == DataForm.Text)
            {
                Assert.Equal(Encoding.UTF8.GetString(body), data.GetString());
            }
        });

    [Fact]
    public void Overrides_of_any_text_reach_their_attributes_and_no_others()
        => Gen.Select(Gen.String, Gen.OneOf("id", "Source", "TYPE", "subject", "traceparent", "traceid", "tracestate", "data", "topic", "x")).Sample((value, name) =>
        {
            var metadata = new Dictionary<string, string> { ["CloudEvent." + name] = value };
            var json = JsonDocument.Parse(Wrap("text/plain", "hi"u8, metadata)).RootElement;
            var attribute = name.ToLowerInvariant();
            if (value.Length > 0 && attribute is "id" or "source" or "type" or "subject" or "tracestate" && value.Length > 0)
            {
                Assert.Equal(Clean(value), json.GetProperty(attribute).GetString());
            }
            else if (value.Length > 0 && attribute is "traceparent" or "traceid" && value.Length > 0)
            {
                Assert.Equal(Clean(value), json.GetProperty("traceid").GetString());
                Assert.Equal(Clean(value), json.GetProperty("traceparent").GetString());
            }
            else
            {
                Assert.Equal("hi", json.GetProperty("data").GetString());
                Assert.Equal("orders", json.GetProperty("topic").GetString());
                Assert.False(json.TryGetProperty("x", out _));
                Assert.False(json.TryGetProperty("subject", out _));
            }
        });

    [Fact]
    public void An_envelope_has_every_attribute_of_the_contract()
    {
        var json = JsonDocument.Parse(Wrap("", "hi"u8)).RootElement;

        Assert.Equal("text/plain", json.GetProperty("datacontenttype").GetString());
        Assert.Equal("app1", json.GetProperty("source").GetString());
        Assert.Equal("com.dapr.event.sent", json.GetProperty("type").GetString());
        Assert.Equal("orders", json.GetProperty("topic").GetString());
        Assert.Equal("pubsub", json.GetProperty("pubsubname").GetString());
        Assert.Equal("2026-05-04T03:02:01+02:00", json.GetProperty("time").GetString());
        Assert.Equal(Parent, json.GetProperty("traceid").GetString());
        Assert.Equal(Parent, json.GetProperty("traceparent").GetString());
        Assert.Equal("a=b", json.GetProperty("tracestate").GetString());
        Assert.Equal('4', json.GetProperty("id").GetString()![14]);
        Assert.False(json.TryGetProperty("expiration", out _));
    }

    [Fact]
    public void An_event_of_the_apps_own_is_completed_and_otherwise_left_alone()
    {
        var json = Complete("""{"id":"7","topic":"x","topic":"y","n":12345678901234567890.10,"source":null,"\u0061":1,"traceparent":"mine","a":{"b" : [ ]}} """);

        Assert.Equal("7", json.GetProperty("id").GetString());
        Assert.Equal("orders", json.GetProperty("topic").GetString());
        Assert.Equal("pubsub", json.GetProperty("pubsubname").GetString());
        Assert.Equal("12345678901234567890.10", json.GetProperty("n").GetRawText());
        Assert.Equal("Dapr", json.GetProperty("source").GetString());
        Assert.Equal("com.dapr.event.sent", json.GetProperty("type").GetString());
        Assert.Equal(Parent, json.GetProperty("traceid").GetString());
        Assert.Equal(Parent, json.GetProperty("traceparent").GetString());
        Assert.Equal("""{"b" : [ ]}""", json.GetProperty("a").GetRawText());
        Assert.False(json.TryGetProperty("datacontenttype", out _));
        Assert.Single(json.EnumerateObject(), p => p.Name == "topic");
    }

    [Fact]
    public void A_completed_event_keeps_its_own_trace_and_gets_no_id()
    {
        var json = Complete("""{"traceid":"t","time":"then","tracestate":"s"}""");

        Assert.Equal("t", json.GetProperty("traceid").GetString());
        Assert.False(json.TryGetProperty("traceparent", out _));
        Assert.Equal("then", json.GetProperty("time").GetString());
        Assert.False(json.TryGetProperty("id", out _));
    }

    [Fact]
    public void Completing_any_bytes_makes_an_event_or_says_that_they_are_none()
        => Gen.OneOf(Gen.Byte.Array, GenJson.Select(Encoding.UTF8.GetBytes), Gen.Select(GenJson, Gen.Int[0, 200], Gen.Byte).Select(Damage)).Sample(bytes =>
        {
            var output = new ArrayBufferWriter<byte>();
            try
            {
                CloudEventEnvelope.Complete(output, Facts(), bytes);
                Assert.Equal("orders", JsonDocument.Parse(output.WrittenMemory, new() { MaxDepth = 100 }).RootElement.GetProperty("topic").GetString());
            }
            catch (CloudEventException)
            {
                // The only way to fail.
            }
        });

    [Fact]
    public void Reading_any_bytes_yields_an_event_that_can_be_delivered_or_says_why_not()
        => Gen.Select(
            Gen.OneOf(Gen.Byte.Array, GenJson.Select(Encoding.UTF8.GetBytes), GenEvent().Select(Encoding.UTF8.GetBytes), Gen.Select(GenEvent(), Gen.Int[0, 400], Gen.Byte).Select(Damage)),
            Gen.Bool, Gen.OneOf(null, "application/octet-stream", "text/plain")).Sample((bytes, raw, contentType) =>
        {
            var message = new BrokerMessage("orders", bytes)
            {
                ContentType = contentType,
                Metadata = new Dictionary<string, string> { ["ce_id"] = "1", ["CE_Source"] = "s\ud800", ["traceparent"] = Parent },
            };
            try
            {
                var incoming = IncomingEvent.Read("pubsub", "orders", message, raw);
                _ = incoming.Event.IsExpired(DateTimeOffset.UnixEpoch);
                Assert.True(incoming.Trace.TraceParent.Length is 0 or 55);
                _ = TopicEventMessage.Make(incoming, "/x").CalculateSize();
            }
            catch (Exception e) when (e is CloudEventException or DeliveryFailedException)
            {
                // The only ways to fail.
            }
        });

    [Fact]
    public void Nesting_costs_no_stack()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 9000)) + string.Concat(Enumerable.Repeat("]", 9000));
        var read = CloudEventReader.Read(Encoding.UTF8.GetBytes($$"""{"data":{{deep}},"datacontenttype":"application/json"}"""));
        Assert.Equal(deep.Length, read.Raw(read.Find(EventAttribute.Data)).Length);

        Assert.Throws<CloudEventException>(() => CloudEventReader.Read(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 200_000)))));

        var message = new BrokerMessage("orders", Encoding.UTF8.GetBytes($$"""{"x":{{deep}}}"""));
        Assert.Throws<DeliveryFailedException>(() => TopicEventMessage.Make(IncomingEvent.Read("pubsub", "orders", message, false), ""));
    }

    [Fact]
    public void The_last_of_repeated_names_counts_and_other_kinds_are_no_text()
    {
        var read = CloudEventReader.Read("""{"id":"a","id":"b","source":5,"type":{"a":1},"\u0074opic":"t"}"""u8.ToArray());

        Assert.Equal("b", read.Text(EventAttribute.Id));
        Assert.Equal("", read.Text(EventAttribute.Source));
        Assert.Equal("", read.Text(EventAttribute.Type));
        Assert.Equal("t", read.Text(EventAttribute.Topic));
    }

    [Theory]
    [InlineData("2026-05-04T03:02:00Z", true)]
    [InlineData("2026-05-04T03:02:00.123456789Z", true)]
    [InlineData("2026-05-04T05:02:00+02:00", true)]
    [InlineData("2026-05-04T03:02:02Z", false)]
    [InlineData("2020-05-04T03:02:02", false)]
    [InlineData("2020-05-04", false)]
    [InlineData("yesterday", false)]
    [InlineData("", false)]
    public void An_event_is_expired_when_a_proper_time_is_past(string expiration, bool expired)
        => Assert.Equal(
            expired,
            CloudEventReader.Read(JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["expiration"] = expiration }))
                .IsExpired(new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.Zero)));

    [Fact]
    public void A_protobuf_event_is_told_from_other_bytes()
    {
        // id "1", source "s", attributes {"a": ...}, binary_data
        byte[] cloudEvent = [0x0a, 1, (byte)'1', 0x12, 1, (byte)'s', 0x2a, 3, 0x0a, 1, (byte)'a', 0x32, 2, 0xff, 0xfe];
        Assert.True(ProtobufEvent.IsEvent(cloudEvent));
        Assert.True(ProtobufEvent.IsEvent([]));
        Assert.False(ProtobufEvent.IsEvent("hello world"u8));
        Assert.False(ProtobufEvent.IsEvent([0x0a, 2, 0xff, 0xfe]));
        Assert.False(ProtobufEvent.IsEvent([0x0a, 9, 1]));
        Gen.Byte.Array.Sample(bytes => { _ = ProtobufEvent.IsEvent(bytes); });
    }

    private static Gen<string> GenScalar()
        => Gen.OneOf(GenNumber, Gen.String.Select(Quote), Gen.OneOf("true", "false", "null", "\"\\ud800\"", "\"\\u0041\""));

    private static Gen<string> GenEvent()
        => Gen.Select(
            Gen.OneOf("id", "source", "type", "data", "data_base64", "datacontenttype", "traceid", "traceparent", "tracestate", "expiration", "x", "\\u0069d", "\\ud800"),
            Gen.OneOf(GenJson, Gen.OneOf("\"text/plain\"", "\"application/json\"", "\"" + Parent + "\"", "\"2026-01-01T00:00:00Z\"")))
            .Array[0, 12].Select(fields => "{" + string.Join(",", fields.Select(f => $"\"{f.Item1}\":{f.Item2}")) + "}");

    private static byte[] Damage((string Json, int At, byte Value) x)
    {
        var bytes = Encoding.UTF8.GetBytes(x.Json);
        bytes[x.At % bytes.Length] = x.Value;
        return bytes;
    }

    private static string Quote(string text) => JsonSerializer.Serialize(Clean(text));

    private static string Clean(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static EnvelopeFacts Facts()
        => new("pubsub", "orders", "app1", new TraceContext(Parent, "a=b"), new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.FromHours(2)), null);

    private static byte[] Wrap(string contentType, ReadOnlySpan<byte> data, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var output = new ArrayBufferWriter<byte>();
        CloudEventEnvelope.Write(output, Facts(), contentType, data, metadata ?? EmptyMetadata.Instance);
        return output.WrittenSpan.ToArray();
    }

    private static JsonElement Data(byte[] envelope) => JsonDocument.Parse(envelope).RootElement.GetProperty("data");

    private static JsonElement Complete(string json)
    {
        var output = new ArrayBufferWriter<byte>();
        CloudEventEnvelope.Complete(output, Facts(), Encoding.UTF8.GetBytes(json));
        return JsonDocument.Parse(output.WrittenMemory).RootElement;
    }
}
