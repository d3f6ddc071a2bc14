using System.Net;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Internals.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Status = DaprK8s.Protos.Internals.V1.Status;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Calls of a sidecar of another make, which the test plays with the generated classes.</summary>
public sealed class OtherPeerTests
{
    [Fact]
    public async Task A_peer_that_knows_no_streams_is_called_the_old_way()
    {
        await using var peer = await Peer.StartAsync(unary: (request, _) => Task.FromResult(new InternalInvokeResponse
        {
            Status = new Status { Code = 202 },
            Headers = { ["X-Own"] = new ListStringValue { Values = { "a", "b" } } },
            Message = new InvokeResponse { Data = new Any { Value = request.Message.Data.Value }, ContentType = "text/plain" },
        }));

        using var response = await peer.Caller.Http.PostAsync("/v1.0/invoke/peer/method/a/b?q=1", new StringContent("body", Encoding.UTF8, "text/x"));
        using var streamed = await peer.Caller.Http.PostAsync("/v1.0/invoke/peer/method/a", new PatternContent(10, chunked: true));

        Assert.Equal((HttpStatusCode.Accepted, "body"), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal(["a", "b"], response.Headers.GetValues("X-Own"));
        var request = Assert.Single(peer.Unary);
        Assert.Equal(
            (APIVersion.V1, "a/b", HTTPExtension.Types.Verb.Post, "q=1", "text/x; charset=utf-8"),
            (request.Ver, request.Message.Method, request.Message.HttpExtension.Verb, request.Message.HttpExtension.Querystring, request.Message.ContentType));
        Assert.Equal([peer.Caller.AppId], request.Metadata["dapr-caller-app-id"].Values);
        Assert.Equal(["peer"], request.Metadata["dapr-callee-app-id"].Values);
        Assert.Equal(["peer"], request.Metadata["destination-app-id"].Values);
        Assert.Contains("target app 'peer' is running a version of Dapr that does not support streaming-based service invocation", await streamed.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task What_is_sent_and_read_is_the_contract()
    {
        await using var peer = await Peer.StartAsync(stream: async (requests, responses, _) =>
        {
            await responses.WriteAsync(new InternalInvokeResponseStream
            {
                Response = new InternalInvokeResponse { Status = new Status { Code = 200 }, Message = new InvokeResponse { ContentType = "text/x" } },
                Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("one "), Seq = 0 },
            });
            await responses.WriteAsync(new InternalInvokeResponseStream { Response = new InternalInvokeResponse() });
            await responses.WriteAsync(new InternalInvokeResponseStream { Response = new InternalInvokeResponse(), Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("two"), Seq = 1 } });
        });

        using var response = await peer.Caller.Http.PostAsync("/v1.0/invoke/peer/method/x", new PatternContent(100_000, chunked: true));

        Assert.Equal("one two", await response.Content.ReadAsStringAsync());
        Assert.Equal("text/x", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("x", peer.Streamed[0].Request.Message.Method);
        Assert.Equal(0, peer.Streamed[0].Request.Message.Data?.Value.Length ?? 0);
        var pieces = peer.Streamed.Where(m => m.Payload is { Data.Length: > 0 }).ToList();
        Assert.Equal(100_000, pieces.Sum(p => p.Payload.Data.Length));
        Assert.Equal(Enumerable.Range(0, pieces.Count), pieces.Select(p => (int)p.Payload.Seq));
        Assert.All(peer.Streamed.Skip(1), m => Assert.Null(m.Request));
    }

    public static readonly TheoryData<string> Wrongs = new("no answer", "no status", "bad sequence", "breaks off", "fails late", "odd code", "huge code", "odd headers");

    [Theory]
    [MemberData(nameof(Wrongs))]
    public async Task A_peer_that_breaks_the_contract_is_an_error_of_that_call_only(string wrong)
    {
        await using var peer = await Peer.StartAsync(stream: async (_, responses, context) =>
        {
            var head = new InternalInvokeResponse { Status = new Status { Code = 200 }, Message = new InvokeResponse() };
            switch (wrong)
            {
                case "no answer":
                    return;
                case "no status":
                    await responses.WriteAsync(new InternalInvokeResponseStream { Response = new InternalInvokeResponse() });
                    return;
                case "bad sequence":
                    await responses.WriteAsync(new InternalInvokeResponseStream { Response = head });
                    await responses.WriteAsync(new InternalInvokeResponseStream { Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("x"), Seq = 5 } });
                    return;
                case "breaks off":
                    await responses.WriteAsync(new InternalInvokeResponseStream { Response = head, Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("x") } });
                    context.GetHttpContext().Abort();
                    return;
                case "fails late":
                    await responses.WriteAsync(new InternalInvokeResponseStream { Response = head, Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("x") } });
                    throw new RpcException(new Grpc.Core.Status(StatusCode.Internal, "late"));
                case "odd code" or "huge code":
                    head.Status.Code = wrong == "odd code" ? -1 : 100_000;
                    break;
                default:
                    head.Headers["with space"] = new ListStringValue { Values = { "1" } };
                    head.Headers["x-line"] = new ListStringValue { Values = { "a\r\nX-Injected: 1" } };
                    head.Headers["x-text"] = new ListStringValue { Values = { "Zoë" } };
                    head.Headers[""] = new ListStringValue { Values = { "1" } };
                    break;
            }

            await responses.WriteAsync(new InternalInvokeResponseStream { Response = head, Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("x") } });
        });

        var answer = await RawHttp.ExchangeAsync(peer.Caller.HttpPort, "GET /v1.0/invoke/peer/method/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        if (wrong == "odd headers")
        {
            Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
            Assert.DoesNotContain("X-Injected", answer, StringComparison.OrdinalIgnoreCase);
        }
        else
        {
            Assert.True(
                answer.StartsWith("HTTP/1.1 500", StringComparison.Ordinal) ? answer.Contains("ERR_DIRECT_INVOKE") : !answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal),
                answer);
        }

        Assert.DoesNotContain(peer.Caller.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal) || l.Contains("nexpected", StringComparison.Ordinal));
        using var health = await peer.Caller.Http.GetAsync("/v1.0/healthz/outbound");
        Assert.Equal(HttpStatusCode.NoContent, health.StatusCode);
    }

    [Fact]
    public async Task An_answer_of_the_app_is_never_asked_for_twice()
    {
        var calls = 0;
        await using var peer = await Peer.StartAsync(stream: async (_, responses, _) =>
        {
            Interlocked.Increment(ref calls);
            await responses.WriteAsync(new InternalInvokeResponseStream { Response = new InternalInvokeResponse { Status = new Status { Code = 503 } } });
        });

        using var response = await peer.Caller.Http.PostAsync("/v1.0/invoke/peer/method/x", new StringContent("x"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task A_peer_that_is_unavailable_for_a_moment_is_asked_again()
    {
        var calls = 0;
        await using var peer = await Peer.StartAsync(stream: async (_, responses, _) =>
        {
            if (Interlocked.Increment(ref calls) < 3)
            {
                throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "starting"));
            }

            await responses.WriteAsync(new InternalInvokeResponseStream { Response = new InternalInvokeResponse { Status = new Status { Code = 200 } } });
        });

        using var response = await peer.Caller.Http.PostAsync("/v1.0/invoke/peer/method/x", new StringContent("x"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task A_denial_is_forbidden()
    {
        await using var peer = await Peer.StartAsync(stream: (_, _, _) => throw new RpcException(new Grpc.Core.Status(StatusCode.PermissionDenied, "access control policy has denied access")));

        using var response = await peer.Caller.Http.PostAsync("/v1.0/invoke/peer/method/x", new StringContent("x"));

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains("access control policy has denied access", await response.Content.ReadAsStringAsync());
    }

    /// <summary>The test's own sidecar <c>peer</c>, which a real one finds through a table.</summary>
    private sealed class Peer : IAsyncDisposable
    {
        private readonly AppHost host;

        private Peer(Func<InternalInvokeRequest, ServerCallContext, Task<InternalInvokeResponse>>? unary, StreamHandler? stream)
            => host = new AppHost(
                HttpProtocols.Http2,
                tls: false,
                builder =>
                {
                    builder.Services.AddSingleton(new Handlers(this, unary, stream));
                    builder.Services.AddGrpc();
                },
                web => web.MapGrpcService<Service>());

        public delegate Task StreamHandler(
            IAsyncStreamReader<InternalInvokeRequestStream> requests, IServerStreamWriter<InternalInvokeResponseStream> responses, ServerCallContext context);

        public Daprd Caller { get; private set; } = null!;

        public List<InternalInvokeRequest> Unary { get; } = [];

        public List<InternalInvokeRequestStream> Streamed { get; } = [];

        public static async Task<Peer> StartAsync(Func<InternalInvokeRequest, ServerCallContext, Task<InternalInvokeResponse>>? unary = null, StreamHandler? stream = null)
        {
            var peer = new Peer(unary, stream);
            await peer.host.StartAsync();
            var database = Path.Combine(TestScope.Current.RuntimeDirectory, $"peers-{Guid.NewGuid():N}.db");
            peer.Caller = await Daprd
                .With(config: Resource.Configuration($"nameResolution:\n  component: sqlite\n  configuration:\n    connectionString: {database}\n    updateInterval: 1h"))
                .StartAsync();
            await using var connection = new SqliteConnection($"Data Source={database};Pooling=False");
            await Eventually.TrueAsync(
                async () =>
                {
                    await connection.OpenAsync();
                    await using var insert = connection.CreateCommand();
                    insert.CommandText = $"INSERT INTO hosts VALUES ('peer', '127.0.0.1:{peer.host.Port}', 'peer', '', unixepoch(CURRENT_TIMESTAMP))";
                    return await insert.ExecuteNonQueryAsync() == 1;
                },
                "the peer in the table");
            return peer;
        }

        public async ValueTask DisposeAsync()
        {
            await Caller.DisposeAsync();
            await host.DisposeAsync();
        }

        private sealed record Handlers(Peer Peer, Func<InternalInvokeRequest, ServerCallContext, Task<InternalInvokeResponse>>? Unary, StreamHandler? Stream);

        private sealed class Service(Handlers handlers) : ServiceInvocation.ServiceInvocationBase
        {
            public override Task<InternalInvokeResponse> CallLocal(InternalInvokeRequest request, ServerCallContext context)
            {
                handlers.Peer.Unary.Add(request);
                return handlers.Unary is { } unary ? unary(request, context) : base.CallLocal(request, context);
            }

            public override async Task CallLocalStream(
                IAsyncStreamReader<InternalInvokeRequestStream> requestStream, IServerStreamWriter<InternalInvokeResponseStream> responseStream, ServerCallContext context)
            {
                if (handlers.Stream is not { } stream)
                {
                    await base.CallLocalStream(requestStream, responseStream, context);
                    return;
                }

                await foreach (var message in requestStream.ReadAllAsync())
                {
                    handlers.Peer.Streamed.Add(message);
                }

                await stream(requestStream, responseStream, context);
            }
        }
    }
}
