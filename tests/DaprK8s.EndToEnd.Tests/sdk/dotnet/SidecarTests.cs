using Dapr;
using Dapr.Client;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>Health, metadata, shutdown and the API token, through <see cref="DaprClient"/>.</summary>
public class SidecarTests
{
    [Fact]
    public async Task The_sidecar_is_outbound_healthy_before_its_app_is_there_and_healthy_after()
    {
        await using var app = HttpApp.Stopped();
        await using var daprd = await Daprd.With(app: app).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.True(await dapr.CheckOutboundHealthAsync());
        Assert.False(await dapr.CheckHealthAsync());

        await app.StartAsync();
        await Eventually.TrueAsync(() => dapr.CheckHealthAsync(), "health with the app there");
    }

    [Fact]
    public async Task An_app_waits_for_a_sidecar_that_starts_after_it()
    {
        await using var stopped = await Daprd.With().StartAsync();
        await stopped.KillAsync();
        using var dapr = stopped.CreateSdkClient();
        Assert.False(await dapr.CheckOutboundHealthAsync());

        var waiting = dapr.WaitForSidecarAsync(new CancellationTokenSource(Eventually.Deadline).Token);
        await stopped.RestartAsync();

        await waiting;
    }

    [Fact]
    public async Task Metadata_names_the_app_and_its_components_and_keeps_what_was_added()
    {
        await using var app = await HttpApp.StartAsync(a => a.Subscribe("""[{"pubsubname":"pubsub","topic":"orders","route":"/handle"}]"""));
        await using var daprd = await Daprd
            .With(app: app, resources: Resource.All(Resource.InMemoryState(), Resource.InMemoryPubSub()))
            .StartAsync(Until.Ready);
        using var dapr = daprd.CreateSdkClient();

        await dapr.SetMetadataAsync("team", "warehouse");
        var metadata = await dapr.GetMetadataAsync();

        Assert.Equal(daprd.AppId, metadata.Id);
        Assert.Equal("warehouse", metadata.Extended["team"]);
        Assert.Equal(
            [("pubsub", "pubsub.in-memory", "v1"), ("statestore", "state.in-memory", "v1")],
            metadata.Components.Select(c => (c.Name, c.Type, c.Version)).Order());
        Assert.Contains("ETAG", metadata.Components.Single(c => c.Name == "statestore").Capabilities);
    }

    [Fact]
    public async Task The_app_shuts_its_sidecar_down()
    {
        await using var daprd = await Daprd.With().StartAsync();
        using var dapr = daprd.CreateSdkClient();

        await dapr.ShutdownSidecarAsync();

        Assert.Equal(0, await daprd.WaitForExitAsync());
    }

    [Fact]
    public async Task Only_a_client_with_the_token_is_served()
    {
        await using var daprd = await Daprd
            .With(resources: Resource.InMemoryState(), env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "t0ken" })
            .StartAsync();
        using var friend = daprd.CreateSdkClient("t0ken");
        using var stranger = daprd.CreateSdkClient("another");

        await friend.SaveStateAsync("statestore", "k", 7);
        var error = await Assert.ThrowsAsync<DaprException>(() => stranger.GetStateAsync<int>("statestore", "k"));

        Assert.Equal(StatusCode.Unauthenticated, Assert.IsType<RpcException>(error.InnerException).StatusCode);
        Assert.True(await stranger.CheckOutboundHealthAsync());
        Assert.Equal(7, await friend.GetStateAsync<int>("statestore", "k"));
    }
}
