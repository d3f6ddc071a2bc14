using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>
/// Input that no client means (attack checklist 37), on every endpoint of state, pub/sub, secrets and metadata: an error that is one
/// of the API's, or a success, and never a crash, a stack or an error that nobody foresaw.
/// </summary>
public sealed class OddInputTests(Servers servers)
{
    private const string Service = "dapr.proto.runtime.v1.Dapr";

    private static readonly byte[][] Bodies =
    [
        [], "null"u8.ToArray(), "{}"u8.ToArray(), "[]"u8.ToArray(), "[null]"u8.ToArray(), "[[]]"u8.ToArray(), "1"u8.ToArray(), "\"x\""u8.ToArray(), "["u8.ToArray(), "[{]"u8.ToArray(),
        [0xef, 0xbb, 0xbf, .. "[]"u8], [0xff, 0xfe, 0x5b, 0], "\0\0\0"u8.ToArray(), [.. "[{\"key\":\""u8, 0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80, .. "\",\"value\":1}]"u8],
        Text(new string('[', 200_000)), Text(string.Concat(Enumerable.Repeat("{\"a\":", 100_000))),
        Text("[{\"key\":\"deep\",\"value\":" + new string('[', 5_000) + new string(']', 5_000) + "}]"),
        Text("""[{"key":"\ud800","value":"\udfff"}]"""), Text("""[{"key":"a\u0000b","value":"\u0000"}]"""), Text("""[{"key":"","value":1}]"""), Text("""[{"key":"a||b","value":1}]"""),
        Text("""[{"key":1,"value":1}]"""), Text("""[{"key":"n","value":1e999999}]"""), Text("""[{"key":"n","value":-0.0e-999999999999999999999}]"""),
        Text("[{\"key\":\"n\",\"value\":" + new string('9', 50_000) + "}]"), Text("[{\"key\":\"" + new string('k', 50_000) + "\",\"value\":1}]"),
        Text("""[{"key":"e","value":1,"etag":{}}]"""), Text("""[{"key":"e","value":1,"etag":"99999999999999999999999999"}]"""), Text("""[{"key":"e","value":1,"etag":"-1\u0000"}]"""),
        Text("""[{"key":"o","value":1,"options":{"concurrency":"x","consistency":5}}]"""), Text("""[{"key":"o","value":1,"options":[]}]"""), Text("""[{"key":"m","value":1,"metadata":[]}]"""),
        Text("""[{"key":"m","value":1,"metadata":{"ttlInSeconds":{}}}]"""), Text("""[{"key":"d","key":"e","value":1,"value":2}]"""), Text("""[{"key":"t","value":1}] trailing"""),
        .. new[] { "99999999999999999999", "9223372036854775807", "9223372036854775", "2147483648", "2147483647", "-2147483649", "-2", "-1", "0", "1.5", "1e9", "NaN", " 5", "", "0x10", "٣", "x" }
            .Select(ttl => Text($$$"""[{"key":"ttl","value":1,"metadata":{"ttlInSeconds":"{{{ttl}}}"}}]""")),
        Text("""{"operations":[{"operation":"nonsense","request":{"key":"k"}}]}"""), Text("""{"operations":[{"operation":"upsert","request":null}]}"""),
        Text("""{"operations":[{"operation":"upsert","request":{"key":"k","value":1,"metadata":{"ttlInSeconds":"99999999999999999999"}}}]}"""), Text("""{"operations":{},"metadata":5}"""),
        Text("""{"operations":[{"operation":"delete","request":{"key":"\u0000"}},{"operation":5}]}"""), Text("""{"keys":["\u0000","\ud800",null,5],"parallelism":-99999999999}"""),
        Text("""{"keys":["a"],"parallelism":2147483647}"""), Text("""{"keys":{}}"""),
        Text("""{"filter":{"AND":[{"OR":[{"EQ":{"a":{}}}]}]},"sort":5,"page":{"limit":-1,"token":"\u0000"}}"""),
    ];

    private static readonly string[] Events =
    [
        """{"specversion":"1.0","id":{},"source":[],"type":null,"datacontenttype":5,"data":1}""", """{"specversion":1,"id":1,"source":true,"type":2,"data":"x"}""",
        """{"specversion":"1.0","id":"1","source":"s","type":"t","traceid":{"a":1},"traceparent":7,"tracestate":[],"topic":5,"pubsubname":{},"data":"x"}""",
        """{"specversion":"1.0","id":"1","source":"s","type":"t","expiration":{},"data":"x"}""", """{"specversion":"1.0","id":"1","source":"s","type":"t","expiration":"99999-99-99","data":"x"}""",
        """{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":5}""", """{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"%%%","data":1}""",
        """{"id":"\u0000","source":"\ud800","type":"t","specversion":"1.0","data":null}""", """{"data":{"data":{"data":{}}}}""", "[]", "null", "5", "\"x\"", "{", "",
        """{"specversion":"1.0","id":"1","source":"s","type":"t","time":"not a time","subject":{},"datacontenttype":"\u0000","data":"x"}""",
    ];

    public static TheoryData<string, bool> Routes => new MatrixTheoryData<string, bool>(
        ["POST /v1.0/state/s", "POST /v1.0/state/s/bulk", "POST /v1.0/state/s/transaction", "POST /v1.0-alpha1/state/s/query", "POST /v1.0/publish/p/t", "PUT /v1.0/metadata/k", "POST /v1.0/shutdown/x"],
        [false, true]);

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task Bodies_over_http(string route, bool onRedis)
    {
        await using var daprd = await StartAsync(onRedis);

        foreach (var body in Bodies)
        {
            foreach (var type in new[] { "application/json", "text/plain" })
            {
                await AssertAnsweredAsync(daprd, route, body, "Content-Type: " + type);
            }
        }

        await AssertUnshakenAsync(daprd);
    }

    [Fact]
    public async Task Events_over_http_and_their_delivery()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Message("SUCCESS")).On("GET /dapr/subscribe", Reply.Json("[]")));
        await using var daprd = await Daprd.With(
            app: app, resources: Resource.All(Resource.InMemoryState("s"), Resource.InMemoryPubSub("p"), Resource.Subscription("p", "t", "/handle"))).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("subscribed to topic");

        foreach (var text in Events)
        {
            foreach (var type in new[]
            {
                "application/cloudevents+json", "application/cloudevents+json; charset=utf-16", "application/cloudevents+json;;;=", "x/y;;;", "", new string('t', 3000), "application/json", "application/octet-stream",
            })
            {
                foreach (var query in new[] { "", "?metadata.rawPayload=true", "?metadata.rawPayload=maybe&metadata.ttlInSeconds=99999999999999999999&metadata.%00=x&metadata.cloudevent.id=%00", "?metadata.=x&metadata&=&%" })
                {
                    await AssertAnsweredAsync(daprd, "POST /v1.0/publish/p/t" + query, Text(text), "Content-Type: " + type, "traceparent: x", "cloudevent.id: \u00ff", "cloudevent.time: never");
                }
            }
        }

        using var last = await daprd.Http.PostAsync("/v1.0/publish/p/t", new StringContent("\"the last one\"", Encoding.UTF8, "application/json"));
        await app.Requests.WaitForAsync(1, r => r.Path == "/handle" && r.Text.Contains("the last one", StringComparison.Ordinal));
        await AssertUnshakenAsync(daprd);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Paths_and_queries(bool onRedis)
    {
        await using var daprd = await StartAsync(onRedis);
        string[] names =
        [
            "%00", "a%00b", "%ff", "%ed%a0%80", "%c0%af", "%F0%9F%98%80", "%2F..%2F..", "..%2F", "%2e%2e", "%", "%x", "%%%", "%u0041", "a%7C%7Cb", "%7C%7C", "+", "%20", new string('k', 2500), "%0d%0a", "*", "k*%3F[a-z]", "{}", "'%3BDROP%20TABLE%20state%3B--",
        ];
        string[] queries =
        [
            "", "?consistency=odd", "?concurrency=%00", "?metadata.ttlInSeconds=99999999999999999999", "?metadata.partitionKey=%00", "?metadata.=", "?metadata", "?&&&===", "?%", "?%zz=%zz", "?metadata.a=1&metadata.a=2", "?metadata.version_id=99999999999999999999",
            "?" + new string('q', 3000),
        ];

        foreach (var name in names)
        {
            foreach (var route in new[] { $"GET /v1.0/state/s/{name}", $"DELETE /v1.0/state/s/{name}", $"GET /v1.0/state/{name}/k", $"GET /v1.0/secrets/f/{name}", $"GET /v1.0/secrets/{name}/bulk", $"POST /v1.0/publish/p/{name}", $"POST /v1.0/publish/{name}/t", $"PUT /v1.0/metadata/{name}" })
            {
                await AssertAnsweredAsync(daprd, route, "x"u8.ToArray(), "If-Match: \u0001", "Content-Type: text/plain");
            }
        }

        foreach (var query in queries)
        {
            foreach (var route in new[] { "GET /v1.0/state/s/k", "DELETE /v1.0/state/s/k", "GET /v1.0/secrets/f/open", "GET /v1.0/secrets/f/bulk", "POST /v1.0/publish/p/t", "GET /v1.0/metadata", "GET /v1.0/healthz" })
            {
                await AssertAnsweredAsync(daprd, route + query, [], "If-Match: \"99999999999999999999\"");
            }
        }

        foreach (var header in new[] { "traceparent: 00-xx", "traceparent: " + new string('0', 3000), "tracestate: \u00ff,,,=", "grpc-trace-bin: %%%", "baggage: a=%ZZ", "Accept: \u00ff", "Content-Type: \u00ff/\u00ff", "dapr-app-id: ..", "dapr-app-id: a.b.c.d", "dapr-app-id: http://", "dapr-app-id: http://[", "Authorization: Basic %%%", "Authorization: Basic " + Convert.ToBase64String([0xff, 0x3a, 0xfe]) })
        {
            foreach (var route in new[] { "GET /v1.0/metadata", "GET /v1.0/state/s/k", "GET /somewhere", "POST /v1.0/publish/p/t" })
            {
                await AssertAnsweredAsync(daprd, route, [], header);
            }
        }

        await AssertUnshakenAsync(daprd);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_over_gRPC(bool onRedis)
    {
        await using var daprd = await StartAsync(onRedis);
        var random = new Random(7);
        var methods = Protos.Runtime.V1.Dapr.Descriptor.Methods.Select(m => m.Name).Where(m => m != "Shutdown").ToArray();

        foreach (var method in methods)
        {
            for (var round = 0; round < 30; round++)
            {
                var message = new byte[random.Next(0, 200)];
                random.NextBytes(message);
                if (round % 3 == 0)
                {
                    // Fields of the store's and the key's numbers, so that more than the parser is reached.
                    message = [0x0a, 1, (byte)"sfp"[round % 9 / 3], 0x12, (byte)message.Length, .. message.Length < 128 ? message : message[..0]];
                }

                await AssertForeseenAsync(daprd, method, message);
            }

            await AssertForeseenAsync(daprd, method, [.. Enumerable.Repeat((byte)0x0b, 100_000)]);
            await AssertForeseenAsync(daprd, method, [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        }

        foreach (var ttl in new[] { "99999999999999999999", "9223372036854775807", "2147483648", "-2", "NaN", "", "\0" })
        {
            var save = new Protos.Runtime.V1.SaveStateRequest { StoreName = "s", States = { new Protos.Common.V1.StateItem { Key = "ttl\0", Metadata = { ["ttlInSeconds"] = ttl, ["\0"] = "\0" } } } };
            await AssertForeseenAsync(daprd, "SaveState", Google.Protobuf.MessageExtensions.ToByteArray(save));
            var publish = new Protos.Runtime.V1.PublishEventRequest { PubsubName = "p", Topic = "t\0", DataContentType = "\0;;", Metadata = { ["ttlInSeconds"] = ttl, ["rawPayload"] = ttl } };
            await AssertForeseenAsync(daprd, "PublishEvent", Google.Protobuf.MessageExtensions.ToByteArray(publish));
        }

        await AssertUnshakenAsync(daprd);
    }

    private async Task<Daprd> StartAsync(bool onRedis)
    {
        var file = Path.Combine(TestScope.Current.RuntimeDirectory, Guid.NewGuid() + ".json");
        await File.WriteAllTextAsync(file, """{"open":"value"}""");
        var stores = onRedis
            ? Resource.All(Resource.RedisState(await servers.RedisAsync(), "s"), Resource.RedisPubSub(await servers.RedisAsync(), "p"))
            : Resource.All(Resource.InMemoryState("s"), Resource.InMemoryPubSub("p"));
        return await Daprd.With(resources: Resource.All(stores, Resource.Component("f", "secretstores.local.file", ("secretsFile", file)))).StartAsync(Until.Ready);
    }

    private static async Task AssertAnsweredAsync(Daprd daprd, string route, byte[] body, params string[] headers)
    {
        using var client = await RawHttp.ConnectAsync(daprd.HttpPort);
        await client.SendAsync(Encoding.Latin1.GetBytes(
            $"{route} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{string.Concat(headers.Select(h => h + "\r\n"))}Content-Length: {body.Length}\r\n\r\n"));
        try
        {
            await client.SendAsync(body);
        }
        catch (IOException)
        {
            // Refused before it was all sent.
        }

        var answer = await client.ReadToEndAsync();
        var what = $"{route} {string.Join(", ", headers)} {Encoding.Latin1.GetString(body.AsSpan(0, Math.Min(body.Length, 100)))}: {answer}";
        Assert.True(answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 5", StringComparison.Ordinal), what);
        Assert.False(answer.Contains("\"ERROR\"", StringComparison.Ordinal) || answer.Contains("Exception", StringComparison.Ordinal) || answer.Contains("   at ", StringComparison.Ordinal), what);
    }

    private static async Task AssertForeseenAsync(Daprd daprd, string method, byte[] message)
    {
        var status = await Raw.CallAsync(daprd, Service, method, null, message);
        Assert.True(status.StatusCode is not (StatusCode.Unknown or StatusCode.DeadlineExceeded) || status.Detail is "api server closed" or "initial request is required" or "pubsubName is required" or "topic is required",
            $"{method} {Convert.ToHexString(message.AsSpan(0, Math.Min(100, message.Length)))}: {status}");
        Assert.DoesNotContain("   at ", status.Detail);
    }

    private static async Task AssertUnshakenAsync(Daprd daprd)
    {
        Assert.False(daprd.HasExited);
        using var health = await daprd.Http.GetAsync("/v1.0/healthz");
        Assert.Equal(204, (int)health.StatusCode);
        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("unexpected error", StringComparison.Ordinal) || l.Contains("nhandled", StringComparison.Ordinal) || l.Contains("   at ", StringComparison.Ordinal));
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
}
