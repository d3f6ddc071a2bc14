using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;

namespace DaprK8s.EndToEnd.Tests.Sidecar;

/// <summary>Coming, going and coming back: of the app, and of the sidecar.</summary>
public sealed class LifecycleTests
{
    [Fact]
    public async Task The_app_may_go_away_and_come_back()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("GET /hello", Reply.Of(200, "hi")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        Assert.Equal("hi", await daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/hello"));

        await app.StopAsync();
        using var away = await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/hello");
        Assert.Equal(HttpStatusCode.InternalServerError, away.StatusCode);

        await app.StartAsync();
        Assert.Equal("hi", await daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/hello"));
    }

    [Fact]
    public async Task An_unhealthy_app_gets_no_work_until_it_is_healthy_again()
    {
        var healthy = true;
        await using var app = await HttpApp.StartAsync(a => a
            .On("GET /healthz", _ => Reply.Of(Volatile.Read(ref healthy) ? 200 : 503))
            .On("POST /handle", Reply.Message("SUCCESS"))
            .On("GET /hello", Reply.Of(200, "hi")));
        await using var daprd = await Daprd.With(
            app: app,
            resources: Resource.All(Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle")),
            flags: ["--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-threshold=1"]).StartAsync();
        await daprd.Log.WaitForAsync("App entered healthy status");
        await daprd.Log.WaitForAsync("subscribed to topic");

        Volatile.Write(ref healthy, false);
        await daprd.Log.WaitForAsync("App entered un-healthy status");
        using var refused = await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/hello");
        Assert.Contains("app is not in a healthy state", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        Volatile.Write(ref healthy, true);
        await Eventually.TrueAsync(() => daprd.Log.With("App entered healthy status").Count == 2, "the app is healthy again");
        await Eventually.TrueAsync(
            async () =>
            {
                await daprd.Grpc.PublishEventAsync(new PublishEventRequest { PubsubName = "pubsub", Topic = "t" });
                return app.To("/handle").Count > 0;
            },
            "messages are delivered again");
    }

    [Fact]
    public async Task A_message_in_flight_is_finished_before_the_end_and_the_app_can_still_call_out()
    {
        var release = new TaskCompletionSource();
        Daprd? sidecar = null;
        await using var app = await HttpApp.StartAsync(a => a.On("POST /handle", async _ =>
        {
            await release.Task;
            using var saved = await sidecar!.Http.PostAsync("/v1.0/state/statestore", new StringContent("""[{"key":"k","value":1}]"""));
            return saved.IsSuccessStatusCode ? Reply.Message("SUCCESS") : Reply.Of(500);
        }));
        await using var daprd = await Daprd.With(
            app: app,
            resources: Resource.All(Resource.InMemoryState(), Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle")),
            flags: ["--dapr-graceful-shutdown-seconds=20"]).StartAsync(Until.Ready);
        sidecar = daprd;
        await daprd.Log.WaitForAsync("subscribed to topic");
        await daprd.Grpc.PublishEventAsync(new PublishEventRequest { PubsubName = "pubsub", Topic = "t" });
        await app.WaitForAsync("/handle");

        await daprd.SignalAsync(Daprd.Terminate);
        await daprd.Log.WaitForAsync("Dapr is shutting down");
        release.SetResult();
        await Eventually.TrueAsync(
            async () => (await daprd.MetricsAsync()).Contains("process_status=\"success\"", StringComparison.Ordinal), "the message was settled");
        await app.StopAsync();

        Assert.Equal(0, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains("Daprd shutdown gracefully"));
    }

    [Fact]
    public async Task A_second_signal_ends_it_at_once()
    {
        await using var app = await HttpApp.StartAsync();
        await using var daprd = await Daprd.With(app: app, flags: ["--dapr-graceful-shutdown-seconds=30"]).StartAsync(Until.Ready);

        await daprd.SignalAsync(Daprd.Terminate);
        await daprd.Log.WaitForAsync("beginning shutdown");
        // Not an interrupt: a shell has background jobs ignore that one, and those who are started by them inherit it.
        await daprd.SignalAsync(Daprd.Terminate);

        Assert.Equal(1, await daprd.WaitForExitAsync());
    }

    [Fact]
    public async Task A_shutdown_that_takes_too_long_ends_with_an_error()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("POST /handle", async _ =>
        {
            await Task.Delay(Timeout.Infinite);
            return Reply.Ok;
        }));
        await using var daprd = await Daprd.With(
            app: app,
            resources: Resource.All(Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/handle")),
            flags: ["--dapr-graceful-shutdown-seconds=1"]).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("subscribed to topic");
        await daprd.Grpc.PublishEventAsync(new PublishEventRequest { PubsubName = "pubsub", Topic = "t" });
        await app.WaitForAsync("/handle");

        Assert.Equal(1, await daprd.StopAsync());
        Assert.True(daprd.Log.Contains("Graceful shutdown timeout exceeded, forcing shutdown"));
    }

    [Fact]
    public async Task A_blocked_shutdown_goes_on_serving_until_the_app_is_unhealthy()
    {
        var healthy = true;
        await using var app = await HttpApp.StartAsync(a => a.On("GET /healthz", _ => Reply.Of(Volatile.Read(ref healthy) ? 200 : 503)));
        await using var daprd = await Daprd.With(
            app: app,
            resources: Resource.InMemoryState(),
            flags: ["--dapr-block-shutdown-duration=60s", "--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-threshold=1"]).StartAsync();
        await daprd.Log.WaitForAsync("App entered healthy status");

        await daprd.SignalAsync(Daprd.Terminate);
        await daprd.Log.WaitForAsync("Blocking graceful shutdown for 1m0s or until app reports unhealthy...");
        using var served = await daprd.Http.GetAsync("/v1.0/state/statestore/k");
        Assert.Equal(HttpStatusCode.NoContent, served.StatusCode);

        Volatile.Write(ref healthy, false);
        await daprd.Log.WaitForAsync("App reported unhealthy, entering shutdown...");
        await app.StopAsync();
        Assert.Equal(0, await daprd.WaitForExitAsync());
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData("true", 1)]
    public async Task The_api_can_end_it(string? force, int code)
    {
        await using var daprd = await Daprd.With().StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1.0/shutdown");
        if (force is not null)
        {
            request.Headers.Add("dapr-force-shutdown", force);
        }

        using var answer = await daprd.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(code, await daprd.WaitForExitAsync());
    }

    [Fact]
    public async Task The_grpc_api_can_end_it()
    {
        await using var daprd = await Daprd.With().StartAsync();

        await daprd.Grpc.ShutdownAsync(new ShutdownRequest());

        Assert.Equal(0, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains("Shutdown requested via API"));
    }

    [Fact]
    public async Task A_hangup_starts_it_again_in_the_same_process()
    {
        const int hangup = 1;
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync();
        var pid = daprd.Pid;
        await File.WriteAllTextAsync(Path.Combine(daprd.ResourcesDirectory, "more.yaml"), Resource.InMemoryState("second"));

        await daprd.SignalAsync(hangup);

        await daprd.Log.WaitForAsync("Component loaded: second (state.in-memory/v1)");
        await Eventually.TrueAsync(
            async () => (await daprd.Http.GetAsync("/v1.0/state/second/k")).StatusCode == HttpStatusCode.NoContent, "the new component serves");
        Assert.Equal(pid, daprd.Pid);
        Assert.False(daprd.HasExited);
    }

    [Fact]
    public async Task Waiting_for_another_sidecar_ends_when_it_is_ready()
    {
        await using var daprd = await Daprd.With().StartAsync();

        var (code, log) = await Daprd.With(flags: ["--wait", $"--dapr-http-port={daprd.HttpPort}"]).RunAsync();

        Assert.Equal(0, code);
        Assert.True(log.Contains("Dapr is outbound ready!"));
    }
}
