using System.Buffers.Binary;
using DaprK8s.EndToEnd.Tests.Echo;
using DaprK8s.EndToEnd.Tests.Fixture;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Services of the apps' own, passed through as they are.</summary>
public class GrpcProxyTests(GrpcPair pair) : IClassFixture<GrpcPair>
{
    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_unary_call_passes_with_metadata_and_trailers(Leg leg)
    {
        using var call = Client(leg).UnaryAsync(
            new EchoRequest { Text = "t", Data = ByteString.CopyFrom(1, 2) }, To("echo-text", "a", "echo-binary-bin", new byte[] { 0, 255, 1 }));
        var reply = await call;
        var headers = await call.ResponseHeadersAsync;

        Assert.Equal(("t", "callee"), (reply.Text, reply.App));
        Assert.Equal("a", headers.GetValue("header-echo-text"));
        Assert.Equal([0, 255, 1], headers.GetValueBytes("header-echo-binary-bin"));
        Assert.Equal("a", call.GetTrailers().GetValue("trailer-echo-text"));
        Assert.Equal([0, 255, 1], call.GetTrailers().GetValueBytes("trailer-echo-binary-bin"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Who_calls_is_told_to_the_app_and_tokens_are_not(Leg leg)
    {
        var metadata = To("x-own", "own", "dapr-api-token", "token-of-a-client", "dapr-caller-app-id", "forged");
        metadata.Add("dapr-callee-app-id", pair.Callee.AppId);

        await Client(leg).UnaryAsync(new EchoRequest { Text = $"stamps {leg}" }, metadata);

        var seen = pair.App.Calls.All.Single(c => c.Message is EchoRequest { Text: var t } && t == $"stamps {leg}").Headers;
        Assert.Equal("own", seen.GetValue("x-own"));
        Assert.Equal([HttpPair.AppToken], seen.GetAll("dapr-api-token").Select(e => e.Value));
        Assert.Null(seen.GetValue("dapr-app-id"));
        Assert.DoesNotContain(seen, e => !e.IsBinary && e.Value == "forged");
        if (leg == Leg.Remote)
        {
            Assert.Equal([pair.Caller.AppId], seen.GetAll("dapr-caller-app-id").Select(e => e.Value));
            Assert.Equal([pair.Callee.AppId], seen.GetAll("dapr-callee-app-id").Select(e => e.Value));
        }
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_server_stream_passes(Leg leg)
    {
        using var call = Client(leg).ServerStream(new EchoRequest { Text = "s", Count = 100 }, To("echo-x", "y"));

        Assert.Equal("y", (await call.ResponseHeadersAsync).GetValue("header-echo-x"));
        Assert.Equal(100, await call.ResponseStream.ReadAllAsync().CountAsync());
        Assert.Equal("y", call.GetTrailers().GetValue("trailer-echo-x"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_client_stream_passes(Leg leg)
    {
        using var call = Client(leg).ClientStream(To());
        for (var i = 0; i < 50; i++)
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" });
        }

        await call.RequestStream.CompleteAsync();

        Assert.Equal(string.Join(',', Enumerable.Range(0, 50)), (await call).Text);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Each_message_of_a_conversation_passes_before_the_next_is_sent(Leg leg)
    {
        using var call = Client(leg).Bidirectional(To());
        Assert.NotNull(await Eventually.SoonAsync(call.ResponseHeadersAsync, "the headers, ahead of any message"));
        for (var i = 0; i < 20; i++)
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" });
            Assert.True(await Eventually.SoonAsync(call.ResponseStream.MoveNext(CancellationToken.None), "an answer"));
            Assert.Equal($"{i}", call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await Eventually.SoonAsync(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_large_stream_passes_both_ways_at_once(Leg leg)
    {
        using var call = Client(leg).Bidirectional(To());
        var data = ByteString.CopyFrom(new byte[1 << 20]);
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                await call.RequestStream.WriteAsync(new EchoRequest { Data = data });
            }

            await call.RequestStream.CompleteAsync();
        });

        long total = 0;
        await foreach (var reply in call.ResponseStream.ReadAllAsync())
        {
            total += reply.Data.Length;
        }

        await sending;
        Assert.Equal(50L << 20, total);
    }

    public static readonly MatrixTheoryData<Leg, string> Kinds = new(HttpPair.BothLegs, ["unary", "server", "client", "bidirectional"]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_status_passes_with_its_message_and_trailers(Leg leg, string kind)
    {
        var request = new EchoRequest { Text = "grün 100%", FailWith = (int)StatusCode.DataLoss, Count = 2 };
        var metadata = To("echo-x", "y", "echo-details-bin", new byte[] { 9, 8 });
        var received = 0;
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            switch (kind)
            {
                case "unary":
                    await Client(leg).UnaryAsync(request, metadata);
                    break;
                case "server":
                    using (var call = Client(leg).ServerStream(request, metadata))
                    {
                        await foreach (var _ in call.ResponseStream.ReadAllAsync())
                        {
                            received++;
                        }
                    }

                    break;
                case "client":
                    using (var call = Client(leg).ClientStream(metadata))
                    {
                        await call.RequestStream.WriteAsync(request);
                        await call;
                    }

                    break;
                default:
                    using (var call = Client(leg).Bidirectional(metadata))
                    {
                        await call.RequestStream.WriteAsync(request);
                        await call.ResponseStream.MoveNext(CancellationToken.None);
                    }

                    break;
            }
        });

        Assert.Equal((StatusCode.DataLoss, "failed as asked: grün 100%"), (e.StatusCode, e.Status.Detail));
        Assert.Equal("y", e.Trailers.GetValue("trailer-echo-x"));
        Assert.Equal([9, 8], e.Trailers.GetValueBytes("trailer-echo-details-bin"));
        Assert.Equal(kind == "server" ? 2 : 0, received);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_method_that_the_app_does_not_have_is_unimplemented(Leg leg)
    {
        var method = new Method<byte[], byte[]>(MethodType.Unary, "some.Service", "Missing", Marshallers.Create(b => b, b => b), Marshallers.Create(b => b, b => b));

        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await pair.From(leg).Channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(To()), [1, 2, 3]));

        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task The_callee_s_id_is_preferred()
    {
        var metadata = new Metadata { { "dapr-app-id", "nobody" }, { "dapr-callee-app-id", pair.Callee.AppId } };

        Assert.Equal("callee", (await Client(Leg.Remote).UnaryAsync(new EchoRequest(), metadata)).App);
    }

    [Fact]
    public async Task A_call_that_names_no_target_is_refused()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await Client(Leg.Remote).UnaryAsync(new EchoRequest()));

        Assert.Equal(StatusCode.Unknown, e.StatusCode);
        Assert.EndsWith("dapr-callee-app-id or dapr-app-id not found", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_can_not_be_found_is_an_error_that_says_so()
    {
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await Client(Leg.Remote).UnaryAsync(new EchoRequest(), new Metadata { { "dapr-app-id", "nobody" } }));

        Assert.NotEqual(StatusCode.Unavailable, e.StatusCode);
        Assert.Contains("couldn't find service: nobody", e.Status.Detail);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_app_that_does_not_listen_is_unavailable(Leg leg)
    {
        await using var app = GrpcApp.Stopped();
        await using var callee = await Daprd.With(app: app).StartAsync();
        var daprd = leg == Leg.Local ? callee : pair.Caller;

        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await new Echo.Echo.EchoClient(daprd.Channel).UnaryAsync(new EchoRequest(), new Metadata { { "dapr-app-id", callee.AppId } }));

        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Contains("onnection", e.Status.Detail);
        Assert.DoesNotContain(callee.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_HTTP_app_has_no_services(Leg leg)
    {
        await using var app = await HttpApp.StartAsync();
        await using var callee = await Daprd.With(app: app).StartAsync();
        var daprd = leg == Leg.Local ? callee : pair.Caller;

        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await new Echo.Echo.EchoClient(daprd.Channel).UnaryAsync(new EchoRequest(), new Metadata { { "dapr-app-id", callee.AppId } }));

        Assert.Contains("not a gRPC app", e.Status.Detail);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_deadline_goes_with_the_call_and_ends_it(Leg leg)
    {
        var (timeout, ended) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>());
        await using var app = await RawGrpcAppAsync(async context =>
        {
            timeout.SetResult(context.Request.Headers["grpc-timeout"].ToString());
            context.RequestAborted.Register(() => ended.TrySetResult("ended"));
            await ended.Task;
        });
        await using var callee = await Daprd.With(app: app, flags: ["--app-protocol", "grpc"]).StartAsync(Until.Ready);
        var daprd = leg == Leg.Local ? callee : pair.Caller;

        var call = new Echo.Echo.EchoClient(daprd.Channel)
            .UnaryAsync(new EchoRequest(), new Metadata { { "dapr-app-id", callee.AppId } }, DateTime.UtcNow.AddSeconds(2)).ResponseAsync;
        Assert.Matches("^[0-9]+[munS]$", await Eventually.SoonAsync(timeout.Task, "the call of the app"));
        var e = await Assert.ThrowsAsync<RpcException>(() => Eventually.SoonAsync(call, "the end of the call"));

        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        await Eventually.SoonAsync(ended.Task, "the end of the app's call");
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_client_that_cancels_ends_the_apps_call(Leg leg)
    {
        var ended = new TaskCompletionSource<string>();
        await using var app = await RawGrpcAppAsync(async context =>
        {
            context.RequestAborted.Register(() => ended.TrySetResult("ended"));
            await context.Response.StartAsync();
            await context.Response.Body.FlushAsync();
            await ended.Task;
        });
        await using var callee = await Daprd.With(app: app, flags: ["--app-protocol", "grpc"]).StartAsync(Until.Ready);
        var daprd = leg == Leg.Local ? callee : pair.Caller;

        using (var call = new Echo.Echo.EchoClient(daprd.Channel).Bidirectional(new Metadata { { "dapr-app-id", callee.AppId } }))
        {
            await Eventually.SoonAsync(call.ResponseHeadersAsync, "the headers");
        }

        await Eventually.SoonAsync(ended.Task, "the end of the app's call");
        Assert.All([callee, pair.Caller], d => Assert.DoesNotContain(d.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_app_that_breaks_off_is_no_success(Leg leg)
    {
        await using var app = await RawGrpcAppAsync(async context =>
        {
            var frame = new byte[5];
            await context.Response.Body.WriteAsync(frame);
            await context.Response.Body.FlushAsync();
            BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), 1000);
            await context.Response.Body.WriteAsync(frame);
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        await using var callee = await Daprd.With(app: app, flags: ["--app-protocol", "grpc"]).StartAsync(Until.Ready);
        var daprd = leg == Leg.Local ? callee : pair.Caller;

        using var call = new Echo.Echo.EchoClient(daprd.Channel).ServerStream(new EchoRequest(), new Metadata { { "dapr-app-id", callee.AppId } });
        var e = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseStream.ReadAllAsync().CountAsync());

        Assert.NotEqual(StatusCode.OK, e.StatusCode);
        Assert.DoesNotContain(callee.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_callee_that_restarted_is_called_again()
    {
        await using var app = await GrpcApp.StartAsync(name: "again");
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        var (client, metadata) = (new Echo.Echo.EchoClient(pair.Caller.Channel), new Metadata { { "dapr-app-id", callee.AppId } });
        Assert.Equal("again", (await client.UnaryAsync(new EchoRequest(), metadata)).App);

        await callee.RestartAsync(Until.Ready);

        Assert.Equal("again", (await client.UnaryAsync(new EchoRequest(), metadata)).App);
    }

    [Theory]
    [InlineData(null, "missing api token in request metadata")]
    [InlineData("wrong", "authentication error: api token mismatch")]
    public async Task The_token_of_the_API_is_asked_for(string? token, string reason)
    {
        await using var caller = await Daprd.With(env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "secret" }).StartAsync();
        var client = new Echo.Echo.EchoClient(caller.Channel);
        var wrong = token is null ? To() : To("dapr-api-token", token);

        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(new EchoRequest(), wrong));
        var reply = await client.UnaryAsync(new EchoRequest { Text = "right token" }, To("dapr-api-token", "secret"));

        Assert.Equal(StatusCode.Unauthenticated, e.StatusCode);
        Assert.Contains(reason, System.Text.Encoding.UTF8.GetString(e.Trailers.GetValueBytes("grpc-status-details-bin")!));
        Assert.Equal("callee", reply.App);
    }

    // A gRPC server on the level of HTTP: to daprd it is a gRPC app.
    private static Task<HttpApp> RawGrpcAppAsync(Func<HttpContext, Task> handle)
        => HttpApp.StartAsync(
            a => a.OnStream("POST /daprk8s.test.echo.Echo/*", context =>
            {
                context.Response.ContentType = "application/grpc";
                return handle(context);
            }),
            "h2c");

    private Echo.Echo.EchoClient Client(Leg leg) => new(pair.From(leg).Channel);

    private Metadata To(params object[] more)
    {
        var metadata = new Metadata { { "dapr-app-id", pair.Callee.AppId } };
        for (var i = 0; i < more.Length; i += 2)
        {
            if (more[i + 1] is byte[] bytes)
            {
                metadata.Add((string)more[i], bytes);
            }
            else
            {
                metadata.Add((string)more[i], (string)more[i + 1]);
            }
        }

        return metadata;
    }
}
