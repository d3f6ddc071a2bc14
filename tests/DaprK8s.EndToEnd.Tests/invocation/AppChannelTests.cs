using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>The way from a sidecar to its app: protocols, concurrency, health, and apps that come and go.</summary>
public sealed class AppChannelTests
{
    [Theory]
    [InlineData("http", "HTTP/1.1")]
    [InlineData("https", "HTTP/1.1")]
    [InlineData("h2c", "HTTP/2")]
    public async Task Each_HTTP_protocol_carries_requests_and_answers_whole(string protocol, string seen)
    {
        await using var app = await HttpApp.StartAsync(
            a => a.On("/echo", r => new Reply(418, r.Body, "application/x-own").With("X-Protocol", r.Protocol).With("X-Verb", r.Method)), protocol);
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();
        var body = new byte[100_000];
        new Random(3).NextBytes(body);

        foreach (var daprd in new[] { callee, caller })
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, $"/v1.0/invoke/{callee.AppId}/method/echo?q=1") { Content = new ByteArrayContent(body) };
            using var response = await daprd.Http.SendAsync(request);

            Assert.Equal(418, (int)response.StatusCode);
            Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
            Assert.Equal([seen], response.Headers.GetValues("X-Protocol"));
            Assert.Equal(["PATCH"], response.Headers.GetValues("X-Verb"));
        }
    }

    [Theory]
    [InlineData("h2c")]
    [InlineData("https")]
    public async Task An_app_that_breaks_off_leaves_a_broken_answer(string protocol)
    {
        await using var app = await HttpApp.StartAsync(
            a => a.OnStream("GET /x", async context =>
            {
                await context.Response.WriteAsync("the beginning");
                await context.Response.Body.FlushAsync();
                context.Abort();
            }),
            protocol);
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        foreach (var daprd in new[] { callee, caller })
        {
            var answer = await RawHttp.ExchangeAsync(daprd.HttpPort, $"GET /v1.0/invoke/{callee.AppId}/method/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            Assert.False(answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal), $"the answer looks whole: {answer}");
        }
    }

    [Fact]
    public async Task No_more_calls_than_allowed_are_with_the_app_at_once()
    {
        var (now, most, gate) = (0, 0, new SemaphoreSlim(0));
        await using var app = await HttpApp.StartAsync(a => a.OnStream("GET /slow", async context =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref now));
            await context.Response.StartAsync();
            await gate.WaitAsync();
            Interlocked.Decrement(ref now);
            await context.Response.WriteAsync("done");
        }));
        await using var callee = await Daprd.With(app: app, flags: ["--app-max-concurrency", "2"]).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        var calls = Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? callee : caller).Http.GetStringAsync($"/v1.0/invoke/{callee.AppId}/method/slow")).ToList();
        for (var done = 0; done < 8; done++)
        {
            // A slot is free only once an answer's body has been read to its end.
            var expected = Math.Min(2, 8 - done);
            await Eventually.TrueAsync(() => Volatile.Read(ref now) == expected, $"{expected} calls with the app");
            gate.Release();
            await Eventually.TrueAsync(() => calls.Count(c => c.IsCompletedSuccessfully) == done + 1, $"{done + 1} answers");
        }

        Assert.All(await Task.WhenAll(calls), t => Assert.Equal("done", t));
        Assert.Equal(2, most);
    }

    [Fact]
    public async Task A_caller_that_leaves_while_it_waits_for_its_turn_gives_its_place_up()
    {
        var gate = new SemaphoreSlim(0);
        await using var app = await HttpApp.StartAsync(a => a.On("GET /slow", async _ =>
        {
            await gate.WaitAsync();
            return Reply.Ok;
        }).On("GET /never", Reply.Ok));
        await using var callee = await Daprd.With(app: app, flags: ["--app-max-concurrency", "1"]).StartAsync(Until.Ready);

        var first = callee.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/slow");
        await app.WaitForAsync("/slow");
        using (var leaving = await RawHttp.ConnectAsync(callee.HttpPort))
        {
            await leaving.SendAsync($"GET /v1.0/invoke/{callee.AppId}/method/never HTTP/1.1\r\nHost: x\r\n\r\n");
            leaving.Reset();
        }

        var last = callee.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/slow");
        gate.Release(2);
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await last).StatusCode);
    }

    [Fact]
    public async Task An_app_that_goes_away_and_comes_back_is_called_again()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("/x", Reply.Of(200, "here")));
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();
        var path = $"/v1.0/invoke/{callee.AppId}/method/x";

        for (var round = 0; round < 3; round++)
        {
            Assert.Equal("here", await caller.Http.GetStringAsync(path));
            await app.StopAsync();
            using var gone = await caller.Http.GetAsync(path);
            Assert.Equal(HttpStatusCode.InternalServerError, gone.StatusCode);
            await app.StartAsync();
        }

        Assert.Equal("here", await caller.Http.GetStringAsync(path));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task An_app_that_is_not_healthy_is_not_called(string protocol)
    {
        var healthy = false;
        await using var http = HttpApp.Stopped(a => a
            .On("GET /healthz", _ => Reply.Of(Volatile.Read(ref healthy) ? 200 : 503))
            .On("/x", Reply.Of(200, "here")));
        await using var grpc = GrpcApp.Stopped(a =>
        {
            a.OnHealthCheck = _ => Volatile.Read(ref healthy) ? Task.CompletedTask : throw new RpcException(new Status(StatusCode.Unavailable, "ill"));
            a.OnInvoke = (_, _) => Task.FromResult(new InvokeResponse { Data = new() { Value = Google.Protobuf.ByteString.CopyFromUtf8("here") } });
        });
        await (protocol == "http" ? http.StartAsync() : grpc.StartAsync());
        await using var callee = await Daprd
            .With(app: protocol == "http" ? http : grpc, flags: ["--enable-app-health-check", "--app-health-probe-interval", "1", "--app-health-threshold", "1"])
            .StartAsync();
        await using var caller = await Daprd.With().StartAsync();

        async Task<string> CallAsync(Daprd daprd)
        {
            using var response = await daprd.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/x", new StringContent("x"));
            return await response.Content.ReadAsStringAsync();
        }

        async Task AllAnswerAsync(string text)
        {
            await Eventually.TrueAsync(async () => (await CallAsync(caller)).Contains(text, StringComparison.Ordinal), text);
            Assert.Contains(text, await CallAsync(callee));
        }

        await AllAnswerAsync("app is not in a healthy state");
        Volatile.Write(ref healthy, true);
        await AllAnswerAsync("here");
        Volatile.Write(ref healthy, false);
        await AllAnswerAsync("app is not in a healthy state");
        Assert.Single(callee.Log.With("App entered healthy status"));
    }

    [Fact]
    public async Task Probes_carry_no_token()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("GET /alive", Reply.Ok));
        await using var daprd = await Daprd
            .With(
                app: app,
                flags: ["--enable-app-health-check", "--app-health-check-path", "alive"],
                env: new Dictionary<string, string> { ["APP_API_TOKEN"] = "secret" })
            .StartAsync();

        var probe = (await app.WaitForAsync("/alive"))[0];

        Assert.Null(probe.Header("dapr-api-token"));
        Assert.Null(probe.Header("traceparent"));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }
}
