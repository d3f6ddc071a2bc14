using System.Net;
using System.Net.Http.Json;
using DaprK8s.EndToEnd.Tests.Echo;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests;

/// <summary>The shortest way through each part, before anything is asked in detail.</summary>
public sealed class SmokeTests
{
    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    [InlineData("https")]
    public async Task An_http_app_is_called_through_two_sidecars(string protocol)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("POST /orders", r => Reply.Json($$"""{"got":{{r.Text}}}""")), protocol);
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        using var response = await caller.Http.PostAsJsonAsync($"/v1.0/invoke/{callee.AppId}/method/orders", 7);

        Assert.Equal("""{"got":7}""", await response.Content.ReadAsStringAsync());
        var request = Assert.Single(app.To("/orders"));
        Assert.Equal(caller.AppId, request.Header("dapr-caller-app-id"));
        Assert.Equal(protocol == "h2c" ? "HTTP/2" : "HTTP/1.1", request.Protocol);
    }

    [Theory]
    [InlineData("grpc")]
    [InlineData("grpcs")]
    public async Task A_grpc_app_is_called_through_two_sidecars(string protocol)
    {
        await using var app = await GrpcApp.StartAsync(protocol: protocol, name: "callee");
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        var echo = new Echo.Echo.EchoClient(caller.Channel);
        var reply = await echo.UnaryAsync(new EchoRequest { Text = "hello" }, new Metadata { { "dapr-app-id", callee.AppId } });

        Assert.Equal(("hello", "callee"), (reply.Text, reply.App));
    }

    [Fact]
    public async Task A_message_reaches_the_app_of_a_declared_subscription()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("POST /handle", Reply.Message("SUCCESS")));
        await using var daprd = await Daprd
            .With(app: app, resources: Resource.All(Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "orders", "/handle")))
            .StartAsync(Until.Ready);

        await daprd.Grpc.PublishEventAsync(new PublishEventRequest { PubsubName = "pubsub", Topic = "orders", Data = Google.Protobuf.ByteString.CopyFromUtf8("7") });

        var delivered = Assert.Single(await app.WaitForAsync("/handle"));
        Assert.Equal("orders", delivered.Json.GetProperty("topic").GetString());
    }

    [Fact]
    public async Task State_that_was_set_is_read_back()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync();

        using var set = await daprd.Http.PostAsJsonAsync("/v1.0/state/statestore", new[] { new { key = "k", value = 7 } });

        Assert.Equal(HttpStatusCode.NoContent, set.StatusCode);
        Assert.Equal("7", await daprd.Http.GetStringAsync("/v1.0/state/statestore/k"));
    }

    [Fact]
    public async Task It_ends_by_itself_when_asked_to()
    {
        await using var daprd = await Daprd.With().StartAsync();

        Assert.Equal(0, await daprd.StopAsync());
        Assert.True(daprd.Log.Contains("Daprd shutdown gracefully"));
    }

    [Theory]
    [InlineData("--app-id", "")]
    [InlineData("--app-id=")]
    [InlineData("-app-id=")]
    public async Task A_start_without_an_app_id_fails(params string[] flags)
    {
        var (code, log) = await Daprd.With(flags: flags).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains("parameter app-id cannot be empty"));
    }
}
