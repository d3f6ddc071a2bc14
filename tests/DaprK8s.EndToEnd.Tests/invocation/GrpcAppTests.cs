using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Status = Grpc.Core.Status;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>An app that speaks gRPC, its sidecar, and one that calls it.</summary>
public class GrpcPair : IAsyncLifetime
{
    internal GrpcApp App { get; private set; } = null!;

    internal Daprd Callee { get; private set; } = null!;

    internal Daprd Caller { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        App = await GrpcApp.StartAsync(name: "callee");
        var callee = Daprd.With(app: App, env: new Dictionary<string, string> { ["APP_API_TOKEN"] = HttpPair.AppToken }).StartAsync(Until.Ready);
        var caller = Daprd.With(env: new Dictionary<string, string> { ["APP_API_TOKEN"] = "token-of-the-calling-app" }).StartAsync();
        (Callee, Caller) = (await callee, await caller);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
        await App.DisposeAsync();
    }

    internal Daprd From(Leg leg) => leg == Leg.Local ? Callee : Caller;
}

/// <summary>Calls of <c>OnInvoke</c>, by HTTP and by gRPC callers.</summary>
public sealed class GrpcAppTests(GrpcPair pair) : IClassFixture<GrpcPair>
{
    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_HTTP_call_becomes_OnInvoke(Leg leg)
    {
        var (message, metadata) = (new InvokeRequest(), new Metadata());
        Answer("orders/7", (request, context) =>
        {
            (message, metadata) = (request, context.RequestHeaders);
            return new InvokeResponse { Data = Data("reply"), ContentType = "text/x-reply" };
        });
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1.0/invoke/{pair.Callee.AppId}/method/orders//7?a=1&b=%20");
        request.Content = new StringContent("body", Encoding.UTF8, "text/x-request");
        request.Headers.Add("X-Own", "own");
        request.Headers.Add("Accept", "text/plain");
        request.Headers.Add("Cookie", "a=b");
        request.Headers.Add("Authorization", "Bearer x");
        request.Headers.Add("dapr-api-token", "token-of-a-client");
        request.Headers.Add("Dapr-Caller-App-Id", "forged");

        using var response = await pair.From(leg).Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("reply", await response.Content.ReadAsStringAsync());
        Assert.Equal("text/x-reply", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            ("orders/7", "body", "text/x-request; charset=utf-8", HTTPExtension.Types.Verb.Put, "a=1&b=%20"),
            (message.Method, message.Data.Value.ToStringUtf8(), message.ContentType, message.HttpExtension.Verb, message.HttpExtension.Querystring));
        Assert.Equal("own", metadata.GetValue("x-own"));
        Assert.Equal("text/plain", metadata.GetValue("dapr-accept"));
        Assert.Equal("a=b", metadata.GetValue("dapr-cookie"));
        Assert.Equal("Bearer x", metadata.GetValue("authorization"));
        Assert.Equal([HttpPair.AppToken], metadata.GetAll("dapr-api-token").Select(e => e.Value));
        Assert.Equal([pair.From(leg).AppId], metadata.GetAll("dapr-caller-app-id").Select(e => e.Value));
        Assert.Equal([pair.Callee.AppId], metadata.GetAll("dapr-callee-app-id").Select(e => e.Value));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_packed_message_of_the_app_is_protobuf_to_an_HTTP_caller(Leg leg)
    {
        Answer($"packed/{leg}", (_, _) => new InvokeResponse { Data = Any.Pack(new StringValue { Value = "typed" }) });

        using var response = await pair.From(leg).Http.PostAsync($"/v1.0/invoke/{pair.Callee.AppId}/method/packed/{leg}", null);

        Assert.Equal("application/x-protobuf", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("typed", StringValue.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()).Value);
    }

    public static readonly MatrixTheoryData<Leg, (StatusCode Code, int Http)> Codes = new(
        HttpPair.BothLegs,
        [
            (StatusCode.Cancelled, 408), (StatusCode.Unknown, 500), (StatusCode.InvalidArgument, 400), (StatusCode.DeadlineExceeded, 504),
            (StatusCode.NotFound, 404), (StatusCode.AlreadyExists, 409), (StatusCode.PermissionDenied, 403), (StatusCode.Unauthenticated, 401),
            (StatusCode.ResourceExhausted, 429), (StatusCode.FailedPrecondition, 400), (StatusCode.Aborted, 409), (StatusCode.OutOfRange, 400),
            (StatusCode.Unimplemented, 501), (StatusCode.Internal, 500), (StatusCode.Unavailable, 503), (StatusCode.DataLoss, 500),
        ]);

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task A_status_of_the_app_becomes_one_of_HTTP(Leg leg, (StatusCode Code, int Http) expected)
    {
        var method = $"codes/{leg}/{expected.Code}";
        var calls = 0;
        Answer(method, (_, _) =>
        {
            Interlocked.Increment(ref calls);
            throw Failure(expected.Code);
        });

        using var response = await pair.From(leg).Http.PostAsync($"/v1.0/invoke/{pair.Callee.AppId}/method/{method}", new StringContent("x"));

        Assert.Equal(expected.Http, (int)response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        var body = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((int)expected.Code, body.GetProperty("code").GetInt32());
        Assert.Equal("refused: ü", body.GetProperty("message").GetString());
        var detail = Assert.Single(body.GetProperty("details").EnumerateArray());
        Assert.Equal("type.googleapis.com/google.rpc.ErrorInfo", detail.GetProperty("@type").GetString());
        Assert.Equal("OWN", detail.GetProperty("reason").GetString());
        Assert.Equal(1, calls);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task InvokeService_becomes_OnInvoke_with_headers_and_trailers_back(Leg leg)
    {
        var (message, metadata) = (new InvokeRequest(), new Metadata());
        Answer($"by-grpc/{leg}", (request, context) =>
        {
            (message, metadata) = (request, context.RequestHeaders);
            context.WriteResponseHeadersAsync([new("x-header", "h"), new("x-header-bin", [1, 2, 255])]).Wait();
            context.ResponseTrailers.Add("x-trailer", "t");
            context.ResponseTrailers.Add("x-trailer-bin", [3, 4]);
            return new InvokeResponse { Data = request.Data, ContentType = "application/x-own" };
        });

        var call = pair.From(leg).Grpc.InvokeServiceAsync(
            new InvokeServiceRequest
            {
                Id = pair.Callee.AppId,
                Message = new InvokeRequest { Method = $"by-grpc/{leg}", Data = Any.Pack(new StringValue { Value = "typed" }), HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Get, Querystring = "q=1" } },
            },
            new Metadata { { "x-own", "own" }, { "x-binary-bin", [0, 255, 7] }, { "dapr-caller-app-id", "forged" }, { "dapr-api-token", "token-of-a-client" } });
        var reply = await call;

        Assert.Equal("typed", reply.Data.Unpack<StringValue>().Value);
        Assert.Equal("application/x-own", reply.ContentType);
        Assert.Equal("type.googleapis.com/google.protobuf.StringValue", message.Data.TypeUrl);
        Assert.Equal("application/x-protobuf", message.ContentType);
        Assert.Equal((HTTPExtension.Types.Verb.Get, "q=1"), (message.HttpExtension.Verb, message.HttpExtension.Querystring));
        Assert.Equal("own", metadata.GetValue("x-own"));
        Assert.Equal([0, 255, 7], metadata.GetValueBytes("x-binary-bin"));
        Assert.Equal([pair.From(leg).AppId], metadata.GetAll("dapr-caller-app-id").Select(e => e.Value));
        Assert.Equal([HttpPair.AppToken], metadata.GetAll("dapr-api-token").Select(e => e.Value));
        Assert.Equal("h", (await call.ResponseHeadersAsync).GetValue("x-header"));
        Assert.Equal([1, 2, 255], (await call.ResponseHeadersAsync).GetValueBytes("x-header-bin"));
        Assert.Equal("t", call.GetTrailers().GetValue("x-trailer"));
        Assert.Equal([3, 4], call.GetTrailers().GetValueBytes("x-trailer-bin"));
        Assert.Null((await call.ResponseHeadersAsync).GetValue("dapr-http-status"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_status_of_the_app_comes_back_to_a_gRPC_caller_with_its_details(Leg leg)
    {
        Answer($"details/{leg}", (_, _) => throw Failure(StatusCode.FailedPrecondition));

        var e = await Assert.ThrowsAsync<RpcException>(async () => await pair.From(leg).Grpc.InvokeServiceAsync(
            new InvokeServiceRequest { Id = pair.Callee.AppId, Message = new InvokeRequest { Method = $"details/{leg}" } }));

        Assert.Equal(new Status(StatusCode.FailedPrecondition, "refused: ü"), new Status(e.StatusCode, e.Status.Detail));
        var info = Google.Rpc.Status.Parser.ParseFrom(e.Trailers.GetValueBytes("grpc-status-details-bin")).Details.Single().Unpack<ErrorInfo>();
        Assert.Equal("OWN", info.Reason);
    }

    [Fact]
    public async Task Details_that_nobody_can_read_do_not_cost_the_status()
    {
        Answer("bad-details", (_, context) => throw new RpcException(new Status(StatusCode.Aborted, "x"), new Metadata { { "grpc-status-details-bin", [255, 255, 255] } }));

        using var response = await pair.Caller.Http.PostAsync($"/v1.0/invoke/{pair.Callee.AppId}/method/bad-details", null);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await pair.Caller.Grpc.InvokeServiceAsync(
            new InvokeServiceRequest { Id = pair.Callee.AppId, Message = new InvokeRequest { Method = "bad-details" } }));

        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Equal(StatusCode.Aborted, e.StatusCode);
    }

    [Fact]
    public async Task A_caller_that_leaves_does_not_cut_the_app_off()
    {
        var (began, end, goOn) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>(), new TaskCompletionSource());
        var cut = new TaskCompletionSource();
        Answer("detached", (_, context) =>
        {
            context.CancellationToken.Register(() => cut.TrySetResult());
            began.SetResult("began");
            goOn.Task.Wait();
            end.SetResult(context.CancellationToken.IsCancellationRequested ? "cut off" : "went on");
            return new InvokeResponse();
        });

        using (var client = await RawHttp.ConnectAsync(pair.Caller.HttpPort))
        {
            await client.SendAsync($"POST /v1.0/invoke/{pair.Callee.AppId}/method/detached HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
            await Eventually.SoonAsync(began.Task, "the call of the app");
            client.Reset();
        }

        // The next call passes the same two sidecars, which have heard of the client's end by then.
        Answer("after-detached", (_, _) => new InvokeResponse());
        for (var i = 0; i < 20; i++)
        {
            using var after = await pair.Caller.Http.PostAsync($"/v1.0/invoke/{pair.Callee.AppId}/method/after-detached", null);
            Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        }

        goOn.SetResult();
        Assert.Equal("went on", await Eventually.SoonAsync(end.Task, "the end of the app's call"));
    }

    [Fact]
    public async Task A_body_beyond_what_the_apps_sidecar_takes_is_refused()
    {
        Answer("too-large", (r, _) => new InvokeResponse { Data = Data($"{r.Data.Value.Length}") });
        await using var generous = await Daprd.With(flags: ["--max-body-size", "64Mi"]).StartAsync();

        using var passes = await generous.Http.PostAsync($"/v1.0/invoke/{pair.Callee.AppId}/method/too-large", new PatternContent(3 << 20));
        using var refused = await generous.Http.PostAsync($"/v1.0/invoke/{pair.Callee.AppId}/method/too-large", new PatternContent(20 << 20));

        Assert.Equal($"{3 << 20}", await passes.Content.ReadAsStringAsync());
        Assert.False(refused.IsSuccessStatusCode);
        Assert.Contains("larger than max", await refused.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_deadline_of_the_caller_is_honoured()
    {
        var (began, goOn) = (new TaskCompletionSource<string>(), new TaskCompletionSource());
        Answer("slow", (_, _) =>
        {
            began.SetResult("began");
            goOn.Task.Wait();
            return new InvokeResponse();
        });

        var call = pair.Caller.Grpc.InvokeServiceAsync(
            new InvokeServiceRequest { Id = pair.Callee.AppId, Message = new InvokeRequest { Method = "slow" } }, deadline: DateTime.UtcNow.AddSeconds(1)).ResponseAsync;
        await Eventually.SoonAsync(began.Task, "the call of the app");
        var e = await Assert.ThrowsAsync<RpcException>(() => Eventually.SoonAsync(call, "the end of the call"));
        goOn.SetResult();

        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    private static Any Data(string text) => new() { Value = ByteString.CopyFromUtf8(text) };

    private static RpcException Failure(StatusCode code)
    {
        var details = new Google.Rpc.Status { Code = (int)code, Message = "refused: ü" };
        details.Details.Add(Any.Pack(new ErrorInfo { Reason = "OWN", Domain = "tests" }));
        return new RpcException(new Status(code, "refused: ü"), new Metadata { { "grpc-status-details-bin", details.ToByteArray() } });
    }

    // The tests of the class share the app: each answers a method of its own.
    private void Answer(string method, Func<InvokeRequest, ServerCallContext, InvokeResponse> answer)
    {
        lock (pair)
        {
            var before = pair.App.OnInvoke;
            pair.App.OnInvoke = async (request, context) =>
            {
                if (request.Method == method)
                {
                    return await Task.Run(() => answer(request, context));
                }

                return before is null ? throw new RpcException(new Status(StatusCode.Unimplemented, request.Method)) : await before(request, context);
            };
        }
    }
}
