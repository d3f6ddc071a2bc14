using System.Buffers.Binary;
using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Internals.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>The protocol between sidecars, driven by a client of the generated classes: what a peer of another make sends.</summary>
public sealed class InternalProtocolTests(HttpPair pair) : IClassFixture<HttpPair>, IDisposable
{
    private readonly GrpcChannel channel = GrpcChannel.ForAddress($"http://127.0.0.1:{pair.Callee.InternalPort}");

    private ServiceInvocation.ServiceInvocationClient Client => new(channel);

    /// <inheritdoc/>
    public void Dispose() => channel.Dispose();

    [Fact]
    public async Task A_unary_call_reaches_the_app()
    {
        pair.App.On("PUT /unary", r => Reply.Of(207, $"{r.Text} {r.Query}", "text/x-own").With("X-Several", "a").With("X-Several", "b"));

        var response = await Client.CallLocalAsync(Request("unary", "PUT", "body", ("x-own", "own"), ("dapr-caller-app-id", "old-peer"), ("Dapr-Caller-App-Id", "forged")));

        Assert.Equal(207, response.Status.Code);
        Assert.Equal(("body q=1", "text/x-own"), (response.Message.Data.Value.ToStringUtf8(), response.Message.ContentType));
        Assert.Equal(["a", "b"], response.Headers["X-Several"].Values);
        var seen = Assert.Single(pair.App.To("/unary"));
        Assert.Equal("own", seen.Header("x-own"));
        Assert.Equal(["old-peer"], seen.Headers["dapr-caller-app-id"]);
        Assert.Equal([HttpPair.AppToken], seen.Headers["dapr-api-token"]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2048)]
    [InlineData(100_000)]
    public async Task A_streamed_call_reaches_the_app_whatever_the_size_of_its_pieces(int size)
    {
        pair.App.On($"POST /streamed/{size}", r => new Reply(200, r.Body));
        var body = new byte[200_001];
        new Random(5).NextBytes(body);
        body = size == 1 ? body[..500] : body;

        using var call = Client.CallLocalStream();
        await call.RequestStream.WriteAsync(new InternalInvokeRequestStream { Request = Request($"streamed/{size}", "POST") });
        ulong sequence = 0;
        for (var at = 0; at < body.Length; at += size)
        {
            await call.RequestStream.WriteAsync(new InternalInvokeRequestStream
            {
                Payload = new StreamPayload { Data = ByteString.CopyFrom(body.AsSpan(at, Math.Min(size, body.Length - at))), Seq = sequence++ },
            });
        }

        await call.RequestStream.CompleteAsync();
        var (head, answer) = await ReadAsync(call);

        Assert.Equal(200, head.Status.Code);
        Assert.Equal(body, answer);
    }

    [Fact]
    public async Task The_first_piece_may_come_with_the_request_and_empty_messages_count_for_nothing()
    {
        pair.App.On("POST /first-piece", r => new Reply(200, r.Body));

        using var call = Client.CallLocalStream();
        await call.RequestStream.WriteAsync(new InternalInvokeRequestStream { Request = Request("first-piece", "POST"), Payload = Piece("one", 0) });
        await call.RequestStream.WriteAsync(new InternalInvokeRequestStream());
        await call.RequestStream.WriteAsync(new InternalInvokeRequestStream { Request = new InternalInvokeRequest(), Payload = Piece("two", 1) });
        await call.RequestStream.WriteAsync(new InternalInvokeRequestStream { Payload = new StreamPayload() });
        await call.RequestStream.WriteAsync(new InternalInvokeRequestStream { Payload = Piece("three", 2) });
        await call.RequestStream.CompleteAsync();

        Assert.Equal("onetwothree"u8.ToArray(), (await ReadAsync(call)).Body);
    }

    [Theory]
    [InlineData(1UL, "invalid sequence number received: 1 (expected: 0)")]
    [InlineData(ulong.MaxValue, "invalid sequence number received: 18446744073709551615 (expected: 0)")]
    public async Task A_wrong_sequence_number_is_refused(ulong sequence, string text)
    {
        pair.App.On("POST /wrong-sequence", Reply.Ok);

        var e = await FailAsync(
            new InternalInvokeRequestStream { Request = Request("wrong-sequence", "POST") }, new InternalInvokeRequestStream { Payload = Piece("x", sequence) });

        Assert.NotEqual(StatusCode.OK, e.StatusCode);
        Assert.Contains(text, e.Status.Detail);
    }

    [Fact]
    public async Task A_sequence_number_that_repeats_is_refused()
    {
        pair.App.On("POST /repeated-sequence", Reply.Ok);

        var e = await FailAsync(
            new InternalInvokeRequestStream { Request = Request("repeated-sequence", "POST"), Payload = Piece("x", 0) },
            new InternalInvokeRequestStream { Payload = Piece("x", 0) });

        Assert.Contains("invalid sequence number received: 0 (expected: 1)", e.Status.Detail);
    }

    [Fact]
    public async Task Metadata_in_a_later_message_is_refused()
    {
        pair.App.On("POST /late-metadata", Reply.Ok);

        var e = await FailAsync(
            new InternalInvokeRequestStream { Request = Request("late-metadata", "POST"), Payload = Piece("x", 0) },
            new InternalInvokeRequestStream { Request = Request("late-metadata", "POST") });

        Assert.Contains("request metadata found in non-leading chunk", e.Status.Detail);
    }

    [Fact]
    public async Task A_first_message_without_a_request_is_refused()
    {
        foreach (var first in new[] { new InternalInvokeRequestStream { Payload = Piece("x", 0) }, new InternalInvokeRequestStream() })
        {
            var e = await FailAsync(first);
            Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
            Assert.StartsWith("parsing InternalInvokeRequest error: ", e.Status.Detail, StringComparison.Ordinal);
        }

        var nothing = await FailAsync();
        Assert.Equal(StatusCode.InvalidArgument, nothing.StatusCode);
    }

    [Fact]
    public async Task A_request_that_lacks_its_HTTP_part_or_its_verb_is_refused()
    {
        var without = Request("x", "POST");
        without.Message.HttpExtension = null;
        var connect = Request("x", "CONNECT");
        var none = Request("x", "NONE");
        var noMessage = new InternalInvokeRequest { Ver = APIVersion.V1 };

        Assert.Equal((StatusCode.InvalidArgument, "missing HTTP extension field"), await StatusAsync(without));
        Assert.Contains("invalid HTTP verb", (await StatusAsync(connect)).Detail);
        Assert.Contains("invalid HTTP verb", (await StatusAsync(none)).Detail);
        Assert.Equal(StatusCode.InvalidArgument, (await StatusAsync(noMessage)).Code);
    }

    [Theory]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData("a\0b")]
    [InlineData("a\rb")]
    public async Task A_bad_method_is_refused_here_too(string method)
    {
        var (code, detail) = await StatusAsync(Request(method, "GET"));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.StartsWith("invalid method: ", detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Methods_of_actors_are_unimplemented()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await Client.CallActorAsync(Request("x", "GET")));

        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task Metadata_that_is_no_header_is_left_out()
    {
        pair.App.On("GET /odd-metadata", Reply.Ok);

        var response = await Client.CallLocalAsync(Request(
            "odd-metadata", "GET", "", ("with space", "1"), ("new\nline", "2"), ("x-line", "a\r\nX-Injected: 1"), ("", "3"), (":authority", "4"), ("x-kept", "kept")));

        Assert.Equal(200, response.Status.Code);
        var seen = Assert.Single(pair.App.To("/odd-metadata"));
        Assert.Equal("kept", seen.Header("x-kept"));
        Assert.Null(seen.Header("X-Injected"));
    }

    [Fact]
    public async Task A_body_whose_length_is_announced_wrongly_does_not_reach_the_app_whole()
    {
        var seen = new TaskCompletionSource<string>();
        pair.App.OnStream("POST /wrong-length", async context =>
        {
            try
            {
                await context.Request.Body.CopyToAsync(Stream.Null);
                seen.TrySetResult("whole");
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or BadHttpRequestException)
            {
                seen.TrySetResult("broken");
            }
        });

        var e = await FailAsync(new InternalInvokeRequestStream { Request = Request("wrong-length", "POST", "", ("content-length", "10")), Payload = Piece("short", 0) });

        Assert.NotEqual(StatusCode.OK, e.StatusCode);
        await pair.Callee.WaitUntilReadyAsync();
    }

    public static readonly TheoryData<string> BadFrames = new(
        Hex(Frame(new byte[] { 0xff, 0xff, 0xff })),
        Hex(Frame(new byte[] { 0x0a, 0x05, 0x01 })),
        Hex(Frame(new byte[] { 0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f })),
        Hex(Frame(new byte[] { 0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 })),
        Hex(Frame(new byte[] { 0x08, 0x01 })),
        Hex(Frame(new byte[] { 0x00 })),
        Hex([1, 0, 0, 0, 1, 0]),
        Hex([0, 0, 0]),
        Hex([0, 0, 0, 0, 9, 1]),
        Hex([0, 0xff, 0xff, 0xff, 0xff]),
        Hex([0, 0x7f, 0xff, 0xff, 0xff]));

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task Bytes_that_are_no_message_are_refused(string hex)
    {
        foreach (var method in new[] { "CallLocal", "CallLocalStream" })
        {
            var (status, code) = await PostAsync(pair.Callee.InternalPort, method, Convert.FromHexString(hex));
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.True(code is "3" or "8" or "13", $"grpc-status {code}");
        }

        Assert.DoesNotContain(pair.Callee.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_length_that_is_only_announced_takes_no_memory()
    {
        await using var app = await HttpApp.StartAsync();
        await using var callee = await Daprd.With(app: app, flags: ["--max-body-size", "2Gi"]).StartAsync(Until.Ready);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var open = new List<PushContent>();
        var calls = new List<Task>();
        for (var i = 0; i < 20; i++)
        {
            var content = new PushContent();
            content.Push("\0\u003b\0\0\0"); // A frame of almost a gigabyte.
            var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{callee.InternalPort}/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = content,
            };
            content.Headers.ContentType = new("application/grpc");
            calls.Add(client.SendAsync(request));
            open.Add(content);
        }

        // They have been read once a call that came later has been answered over the same connection.
        var (_, code) = await PostAsync(callee.InternalPort, "CallLocalStream", Frame([]), client);
        Assert.Equal("3", code);
        Assert.InRange(callee.ResidentBytes, 1, 300L << 20);

        open.ForEach(c => c.End());
        await Task.WhenAll(calls);
    }

    private static InternalInvokeRequest Request(string method, string verb, string body = "", params (string Name, string Value)[] metadata)
    {
        var request = new InternalInvokeRequest
        {
            Ver = APIVersion.V1,
            Message = new InvokeRequest
            {
                Method = method,
                Data = new Any { Value = ByteString.CopyFromUtf8(body) },
                HttpExtension = new HTTPExtension { Verb = System.Enum.Parse<HTTPExtension.Types.Verb>(verb, ignoreCase: true), Querystring = "q=1" },
            },
        };
        foreach (var (name, value) in metadata)
        {
            request.Metadata.Add(name, new ListStringValue { Values = { value } });
        }

        return request;
    }

    private static StreamPayload Piece(string text, ulong sequence) => new() { Data = ByteString.CopyFromUtf8(text), Seq = sequence };

    private static byte[] Frame(byte[] message)
    {
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes);

    private static async Task<(HttpStatusCode Status, string? Code)> PostAsync(int port, string method, byte[] body, HttpClient? client = null)
    {
        using var own = client is null ? new HttpClient(new SocketsHttpHandler { UseProxy = false }) : null;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{port}/dapr.proto.internals.v1.ServiceInvocation/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        using var response = await (client ?? own)!.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return (response.StatusCode, (response.Headers.TryGetValues("grpc-status", out var v) || response.TrailingHeaders.TryGetValues("grpc-status", out v)) ? v!.First() : null);
    }

    private static async Task<(InternalInvokeResponse Head, byte[] Body)> ReadAsync(AsyncDuplexStreamingCall<InternalInvokeRequestStream, InternalInvokeResponseStream> call)
    {
        InternalInvokeResponse? head = null;
        using var body = new MemoryStream();
        ulong expected = 0;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            Assert.Equal(head is null, message.Response?.Status is not null);
            head ??= message.Response;
            if (message.Payload is { Data.Length: > 0 } payload)
            {
                Assert.Equal(expected++, payload.Seq);
                payload.Data.WriteTo(body);
            }
        }

        return (head!, body.ToArray());
    }

    private async Task<RpcException> FailAsync(params InternalInvokeRequestStream[] messages)
    {
        using var call = Client.CallLocalStream();
        return await Assert.ThrowsAsync<RpcException>(async () =>
        {
            try
            {
                foreach (var message in messages)
                {
                    await call.RequestStream.WriteAsync(message);
                }

                await call.RequestStream.CompleteAsync();
            }
            catch (Exception e) when (e is InvalidOperationException or RpcException)
            {
                // It has been refused before all was sent; the answer says why.
            }

            await ReadAsync(call);
        });
    }

    private async Task<(StatusCode Code, string Detail)> StatusAsync(InternalInvokeRequest request)
    {
        var unary = await Assert.ThrowsAsync<RpcException>(async () => await Client.CallLocalAsync(request));
        var streamed = await FailAsync(new InternalInvokeRequestStream { Request = request });
        Assert.Equal((unary.StatusCode, unary.Status.Detail), (streamed.StatusCode, streamed.Status.Detail));
        return (unary.StatusCode, unary.Status.Detail);
    }
}
