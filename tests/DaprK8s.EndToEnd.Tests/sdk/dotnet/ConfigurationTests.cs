using Dapr.Client;
using DaprK8s.EndToEnd.Tests.ConfigurationApi;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;
using Wire = Dapr.Client.Autogen.Grpc.v1;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>Configuration through <see cref="DaprClient"/>.</summary>
public class ConfigurationTests
{
    [Fact]
    public async Task Items_are_read()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"), ("size", "7"));
        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal(["color", "size"], (await dapr.GetConfiguration(SettingsCluster.Store, [])).Items.Keys.Order());
        var item = Assert.Single((await dapr.GetConfiguration(SettingsCluster.Store, ["color"])).Items).Value;
        Assert.Equal("red", item.Value);
        Assert.NotEmpty(item.Version);
    }

    [Fact]
    public async Task Changes_are_streamed_until_the_subscription_is_ended()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"));
        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        var subscription = await dapr.SubscribeConfiguration(SettingsCluster.Store, ["color"]);
        var updates = new Recording<string>();
        var reading = Task.Run(async () =>
        {
            await foreach (var items in subscription.Source)
            {
                foreach (var (key, item) in items)
                {
                    updates.Add($"{key}={item.Value}");
                }
            }
        });
        Assert.Equal(["color=red"], await updates.WaitForAsync(1));
        cluster.Put(("color", "blue"), ("size", "7"));
        Assert.Equal("color=blue", (await updates.WaitForAsync(2))[1]);

        Assert.True((await dapr.UnsubscribeConfiguration(SettingsCluster.Store, subscription.Id)).Ok);
        await reading.WaitAsync(Eventually.Deadline);
        var refused = await dapr.UnsubscribeConfiguration(SettingsCluster.Store, subscription.Id);
        Assert.False(refused.Ok);
        Assert.Contains("subscription does not exist", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_message_of_a_stream_holds_the_id_alone_also_under_the_old_name()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"));
        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();
        var wire = daprd.CreateWireClient();
        var request = new Wire.SubscribeConfigurationRequest { StoreName = SettingsCluster.Store };
        foreach (var open in new Func<AsyncServerStreamingCall<Wire.SubscribeConfigurationResponse>>[]
        {
            () => wire.SubscribeConfiguration(request), () => wire.SubscribeConfigurationAlpha1(request),
        })
        {
            using var call = open();
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            Assert.NotEmpty(call.ResponseStream.Current.Id);
            Assert.Empty(call.ResponseStream.Current.Items);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal("red", call.ResponseStream.Current.Items["color"].Value);
        }

        Assert.Equal("red", (await wire.GetConfigurationAlpha1Async(new Wire.GetConfigurationRequest { StoreName = SettingsCluster.Store })).Items["color"].Value);
    }

    [Fact]
    public async Task A_stream_ends_with_the_sidecar()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"));
        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();
        using var call = daprd.CreateWireClient().SubscribeConfiguration(new Wire.SubscribeConfigurationRequest { StoreName = SettingsCluster.Store });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        await daprd.SignalAsync(Daprd.Terminate);
        await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Eventually.Deadline);
        Assert.Equal(0, await daprd.WaitForExitAsync());
    }

    [Fact]
    public async Task Errors_have_the_codes_of_the_contract()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        await using var none = await Daprd.With(resources: Resource.InMemoryState()).StartAsync();
        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();
        Assert.Equal(StatusCode.FailedPrecondition, await StatusAsync(none, SettingsCluster.Store));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(daprd, "other"));

        static async Task<StatusCode> StatusAsync(Daprd daprd, string store)
            => (await Assert.ThrowsAsync<RpcException>(async () => await daprd.CreateWireClient().GetConfigurationAsync(new Wire.GetConfigurationRequest { StoreName = store }))).StatusCode;
    }
}
