using System.Net.Sockets;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>
/// More than anybody may send (attack checklist 35 and 36): bodies, headers, frames and answers without an end, on every port. The
/// sidecar refuses them, stays small and goes on serving others.
/// </summary>
public sealed class FloodTests
{
    private const long Memory = 400L << 20;
    private static readonly byte[] Chunk = Encoding.ASCII.GetBytes("10000\r\n" + new string('x', 0x10000) + "\r\n");

    public static TheoryData<string, string> Floods => new MatrixTheoryData<string, string>(
        ["http", "grpc", "internal"], ["rapid reset", "continuation", "header bomb", "pings", "settings", "empty data", "windows of zero", "streams"]);

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task A_flood_of_http_2_frames_takes_nothing_down(string port, string attack)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        var number = port switch { "http" => daprd.HttpPort, "grpc" => daprd.GrpcPort, _ => daprd.InternalPort };
        var path = port switch { "http" => "/v1.0/metadata", "grpc" => "/dapr.proto.runtime.v1.Dapr/GetMetadata", _ => "/dapr.proto.internals.v1.ServiceInvocation/CallLocal" };
        var request = Http2Frames.Request(path, port != "http");

        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Http2Frames.FloodAsync(number, Attack(attack, request), read: i > 0)));

        await AssertServesAsync(daprd);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    [InlineData("internal")]
    [InlineData("metrics")]
    public async Task Who_is_slow_with_its_headers_is_cut_off(string port)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        var number = port switch { "http" => daprd.HttpPort, "grpc" => daprd.GrpcPort, "internal" => daprd.InternalPort, _ => daprd.MetricsPort };
        var isHttp1 = port is "http" or "metrics";
        byte[] part = isHttp1 ? "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "u8.ToArray()
            : [.. Http2Frames.Start, .. Http2Frames.Headers(1, Http2Frames.Request("/x", isGrpc: true), endHeaders: false)];

        var connections = new List<RawHttp>();
        for (var i = 0; i < 50; i++)
        {
            connections.Add(await RawHttp.ConnectAsync(number));
            await connections[i].SendAsync(part);
        }

        // Ends only when the server ends the connection; its own patience is longer than the server's.
        var answers = await Task.WhenAll(connections.Select(c => c.ReadToEndAsync()));

        Assert.All(answers, a => Assert.True(!isHttp1 || a.StartsWith("HTTP/1.1 408", StringComparison.Ordinal) || a.Length == 0, a));
        connections.ForEach(c => c.Dispose());
        await AssertServesAsync(daprd);
    }

    [Theory]
    [InlineData("a line without end")]
    [InlineData("headers without end")]
    [InlineData("a target without end")]
    [InlineData("a name without end")]
    [InlineData("trailers without end")]
    public async Task Headers_without_an_end_are_cut_off(string kind)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        var (head, more) = kind switch
        {
            "a line without end" => ("GET / HTTP/1.1\r\nHost: x\r\nX-A: ", new string('x', 1 << 16)),
            "headers without end" => ("GET / HTTP/1.1\r\nHost: x\r\n", string.Concat(Enumerable.Repeat("X-A: b\r\n", 1 << 13))),
            "a target without end" => ("GET /", new string('x', 1 << 16)),
            "a name without end" => ("GET / HTTP/1.1\r\nHost: x\r\n", new string('x', 1 << 16)),
            _ => ("PUT /v1.0/metadata/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", string.Concat(Enumerable.Repeat("X-A: b\r\n", 1 << 13))),
        };

        var sent = await SendUntilRefusedAsync(daprd.HttpPort, Encoding.ASCII.GetBytes(head), Encoding.ASCII.GetBytes(more), limit: 256 << 20);

        Assert.InRange(sent, 0, 64 << 20);
        await AssertServesAsync(daprd);
    }

    [Theory]
    [InlineData("POST /v1.0/state/statestore")]
    [InlineData("POST /v1.0/state/statestore/bulk")]
    [InlineData("POST /v1.0/state/statestore/transaction")]
    [InlineData("POST /v1.0/publish/pubsub/t")]
    [InlineData("PUT /v1.0/metadata/k")]
    [InlineData("POST /v1.0/invoke/{app}/method/swallow")]
    [InlineData("POST /v1.0/invoke/{other}/method/swallow")]
    public async Task A_body_without_an_end_is_refused_in_constant_memory(string route)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")).OnStream("/swallow", async c => await c.Request.Body.CopyToAsync(Stream.Null)));
        await using var daprd = await WithLimitAsync(app);
        await using var other = await Daprd.With(app: app).StartAsync(Until.Ready);
        var line = route.Replace("{app}", daprd.AppId, StringComparison.Ordinal).Replace("{other}", other.AppId, StringComparison.Ordinal);

        // What comes behind the answer is thrown away for some seconds before the connection is cut; what counts is that nobody keeps it.
        await SendUntilRefusedAsync(
            daprd.HttpPort, Encoding.ASCII.GetBytes($"{line} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"), Chunk, limit: 512 << 20);
        var (status, answer) = await Raw.SendAsync(daprd.HttpPort, $"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9999999999\r\n\r\n[");

        Assert.True(status >= 400 && answer.Contains("stream too large", StringComparison.Ordinal), answer);
        await AssertServesAsync(daprd);
        await AssertServesAsync(other);
    }

    [Theory]
    [InlineData("SaveState")]
    [InlineData("PublishEvent")]
    [InlineData("InvokeService")]
    [InlineData("GetSecret")]
    [InlineData("SetMetadata")]
    public async Task A_gRPC_message_over_the_limit_is_refused_before_it_is_read(string method)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await WithLimitAsync(app);

        Assert.Equal(StatusCode.ResourceExhausted, (await Raw.CallAsync(daprd, "dapr.proto.runtime.v1.Dapr", method, null, new byte[2 << 20])).StatusCode);
        foreach (var claim in new byte[][] { [0, 0xff, 0xff, 0xff, 0xff], [0, 0x7f, 0xff, 0xff, 0xff], [0, 0, 0x0f, 0xff, 0xff], [1, 0, 0, 0, 5, 1, 2, 3, 4, 5] })
        {
            // The claim of a length alone must cost nothing, and what is compressed is not unpacked.
            await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Http2Frames.FloodAsync(
                daprd.GrpcPort,
                [Http2Frames.Start, Http2Frames.Headers(1, Http2Frames.Request("/dapr.proto.runtime.v1.Dapr/" + method, isGrpc: true), end: false), Http2Frames.Frame(0, 1, 1, claim)],
                read: false)));
        }

        await AssertServesAsync(daprd);
    }

    [Fact]
    public async Task Messages_to_the_internal_port_have_the_same_limit()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await WithLimitAsync(app);
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress($"http://127.0.0.1:{daprd.InternalPort}");
        var request = new Protos.Internals.V1.InternalInvokeRequest
        {
            Message = new() { Method = "x", Data = new() { Value = ByteString.CopyFrom(new byte[2 << 20]) }, HttpExtension = new() { Verb = Protos.Common.V1.HTTPExtension.Types.Verb.Post } },
        };

        var error = await Assert.ThrowsAsync<RpcException>(
            () => new Protos.Internals.V1.ServiceInvocation.ServiceInvocationClient(channel).CallLocalAsync(request).ResponseAsync);

        Assert.NotEqual(StatusCode.OK, error.StatusCode);
        Assert.DoesNotContain(app.Requests.All, r => r.Path == "/x");
        await AssertServesAsync(daprd);
    }

    [Fact]
    public async Task An_apps_answer_without_an_end_is_not_kept()
    {
        async Task Endless(HttpContext context)
        {
            var junk = new byte[1 << 16];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(junk, context.RequestAborted);
            }
        }

        await using var app = await HttpApp.StartAsync(a => a
            .On("*", Reply.Of(200, "fine")).OnStream("/dapr/subscribe", Endless).OnStream("/handle", Endless).OnStream("/probe", Endless));
        await using var daprd = await Daprd.With(
            app: app, resources: Resource.All(Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle")),
            flags: ["--max-body-size=1Mi", "--enable-app-health-check", "--app-health-check-path=/probe", "--app-health-probe-interval=1", "--app-health-threshold=1"]).StartAsync();
        await daprd.Log.WaitForAsync("failed to subscribe to topics");

        for (var i = 0; i < 20; i++)
        {
            using var answer = await daprd.Http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("x"));
            using var invoked = await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/handle", HttpCompletionOption.ResponseHeadersRead);
        }

        await AssertServesAsync(daprd);
    }

    [Fact]
    public async Task A_gRPC_apps_answer_over_the_limit_is_an_error()
    {
        await using var app = await GrpcApp.StartAsync(a => a.OnInvoke = (_, _) => Task.FromResult(
            new Protos.Common.V1.InvokeResponse { Data = new() { Value = ByteString.CopyFrom(new byte[3 << 20]) } }));
        await using var daprd = await Daprd.With(app: app, flags: ["--max-body-size=1Mi"]).StartAsync(Until.Ready);

        var error = await Assert.ThrowsAsync<RpcException>(
            () => daprd.Grpc.InvokeServiceAsync(new InvokeServiceRequest { Id = daprd.AppId, Message = new() { Method = "x" } }).ResponseAsync);

        Assert.NotEqual(StatusCode.OK, error.StatusCode);
        Assert.False(daprd.HasExited);
    }

    [Fact]
    public async Task Connections_that_say_nothing_do_no_harm()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        var idle = new List<TcpClient>();
        foreach (var port in new[] { daprd.HttpPort, daprd.GrpcPort, daprd.InternalPort, daprd.MetricsPort })
        {
            for (var i = 0; i < 100; i++)
            {
                var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port);
                idle.Add(client);
            }
        }

        await AssertServesAsync(daprd);
        idle.ForEach(c => c.Dispose());
    }

    private static Task<Daprd> WithLimitAsync(HttpApp app)
        => Daprd.With(app: app, resources: Resource.All(Resource.InMemoryState(), Resource.InMemoryPubSub()), flags: ["--max-body-size=1Mi"]).StartAsync(Until.Ready);

    private static IEnumerable<byte[]> Attack(string kind, byte[] request)
    {
        yield return Http2Frames.Start;
        var junk = Http2Frames.Request("/x", isGrpc: true, [.. Enumerable.Range(0, 100).Select(i => ($"x-{i}", new string('y', 100)))]);
        switch (kind)
        {
            case "continuation":
                yield return Http2Frames.Headers(1, request, end: false, endHeaders: false);
                for (var i = 0; i < 20_000; i++)
                {
                    yield return Http2Frames.Continuation(1, i % 2 == 0 ? [] : junk);
                }

                break;
            case "header bomb":
                var bomb = Enumerable.Repeat((byte)0xbe, 10_000).ToArray();
                for (var i = 0; i < 200; i++)
                {
                    yield return Http2Frames.Headers(2 * i + 1, i == 0 ? [.. request, .. Http2Frames.Indexed("x-bomb", new string('b', 3900))] : [.. request, .. bomb]);
                }

                break;
            case "streams":
                for (var i = 0; i < 20_000; i++)
                {
                    yield return Http2Frames.Headers(2 * i + 1, request, end: false);
                }

                break;
            default:
                yield return Http2Frames.Headers(1, request, end: false);
                for (var i = 1; i < 60_000; i++)
                {
                    yield return kind switch
                    {
                        "rapid reset" => [.. Http2Frames.Headers(2 * i + 1, request), .. Http2Frames.Reset(2 * i + 1)],
                        "pings" => Http2Frames.Ping,
                        "settings" => Http2Frames.Settings,
                        "empty data" => Http2Frames.Frame(0, 0, 1, []),
                        _ => Http2Frames.Frame(8, 0, 1, [0, 0, 0, (byte)(i % 2)]),
                    };
                }

                break;
        }
    }

    // Until the server has answered and hung up, or all of the limit was taken.
    private static async Task<long> SendUntilRefusedAsync(int port, byte[] head, byte[] more, long limit)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync("127.0.0.1", port);
        var stream = connection.GetStream();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        long sent = 0;
        try
        {
            await stream.WriteAsync(head, patience.Token);
            while (sent < limit)
            {
                await stream.WriteAsync(more, patience.Token);
                sent += more.Length;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
        }

        return sent;
    }

    private static async Task AssertServesAsync(Daprd daprd)
    {
        Assert.False(daprd.HasExited);
        Assert.Equal("fine", await daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/x"));
        await daprd.Grpc.GetMetadataAsync(new GetMetadataRequest());
        Assert.InRange(daprd.PeakResidentBytes, 1, Memory);
        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal));
    }
}
