using DaprK8s.Sidecar.Api.Grpc;
using System.Net;
using DaprK8s.Common.Metrics;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;
using Request = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsRequestAlpha1;
using Response = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsResponseAlpha1;

namespace DaprK8s.Sidecar.Tests.PubSub;

/// <summary>Streams through the real server and client, whose cancellation and half-close no fake shows.</summary>
public sealed class StreamOverTheWireTests : IAsyncLifetime
{
    private readonly PubSubBench bench = new PubSubBench().Ready();
    private WebApplication server = null!;
    private GrpcChannel channel = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var (registry, self) = (new MetricsRegistry(new MetricsOptions(), NullLogger.Instance), new SidecarInfo("app1", "prod"));
        var methods = new GrpcMethods(
            new ApiCallObserver(
                new GrpcServerMetrics(registry, self), new ErrorCodeMetric(registry, self, false), new ApiLog(ApiLogSettings.Off, NullLoggerFactory.Instance, TimeProvider.System)),
            4 << 20, TimeProvider.System, bench.Log);
        bench.Grpc.AddTo(methods);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        server = builder.Build();
        server.Run(async context => Assert.True(await methods.TryServeAsync(context)));
        await server.StartAsync(Stop);
        channel = GrpcChannel.ForAddress(server.Urls.Single());
    }

    public async ValueTask DisposeAsync()
    {
        channel.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Events_and_answers_cross_and_a_half_close_ends_the_stream_well()
    {
        using var call = await OpenAsync();
        var delivery = Subscription.DeliverAsync("""{"id":"1","datacontenttype":"application/json","data":{"a": 1}}""");

        Assert.True(await call.ResponseStream.MoveNext(Stop));
        Assert.Equal("{\"a\": 1}", call.ResponseStream.Current.EventMessage.Data.ToStringUtf8());
        await call.RequestStream.WriteAsync(new Request { EventProcessed = new() { Id = "1", Status = new() { Status = AppStatus.Success } } }, Stop);

        Assert.Equal(Settlement.Ack, await delivery);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Stop));
        Assert.True(Subscription.IsDisposed);
    }

    [Fact]
    public async Task A_client_that_vanishes_gives_its_events_back()
    {
        var call = await OpenAsync();
        var delivery = Subscription.DeliverAsync("""{"id":"1"}""");
        Assert.True(await call.ResponseStream.MoveNext(Stop));

        call.Dispose();

        Assert.Equal(Settlement.Nack, await delivery);
        await PubSubBench.UntilAsync(() => Subscription.IsDisposed && bench.Catalog.List().Count == 0, "the end of the subscription");
    }

    [Fact]
    public async Task A_drain_ends_the_stream_with_its_text()
    {
        using var call = await OpenAsync();

        await bench.Host.DrainAsync(Stop);

        var end = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Stop));
        Assert.Equal((StatusCode.Unknown, "stream closed"), (end.StatusCode, end.Status.Detail));
    }

    [Fact]
    public async Task A_client_that_does_not_read_does_not_hold_up_the_drain()
    {
        using var call = await OpenAsync();
        var large = $$"""{"id":"1","datacontenttype":"text/plain","data":"{{new string('x', 3 << 20)}}"}""";
        var delivery = Subscription.DeliverAsync(large);

        await bench.AdvanceUntilAsync(bench.Host.DrainAsync(Stop), TimeSpan.FromSeconds(5));

        Assert.Equal(Settlement.Leave, await delivery);
    }

    private FakeSubscription Subscription => bench.Broker.Subscriptions.Last();

    private async Task<AsyncDuplexStreamingCall<Request, Response>> OpenAsync()
    {
        var call = new Dapr.DaprClient(channel).SubscribeTopicEventsAlpha1(cancellationToken: Stop);
        await call.RequestStream.WriteAsync(new Request { InitialRequest = new() { PubsubName = "pubsub", Topic = "orders" } }, Stop);
        Assert.True(await call.ResponseStream.MoveNext(Stop));
        Assert.NotNull(call.ResponseStream.Current.InitialResponse);
        return call;
    }
}
