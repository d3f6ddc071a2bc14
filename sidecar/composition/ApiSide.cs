using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Composition;

/// <summary>The surfaces: HTTP and gRPC for the app, the public port, the port of other sidecars, metrics.</summary>
internal sealed class ApiSide
{
    private readonly HttpSurface http;
    private readonly GrpcSurface grpc;
    private readonly GrpcMethods methods;
    private readonly MetricsEndpoint metrics;
    private readonly InvocationSide invocation;

    public ApiSide(Basis basis, ComponentSide components, ConfigurationStoreSide stores, InvocationSide invocation, PubSubSide pubsub, SidecarMetadata metadata)
    {
        this.invocation = invocation;
        var (listen, self, time, configuration) = (basis.Options.Listen, basis.Self, basis.Time, basis.Configuration);
        var token = new ApiToken(listen.ApiToken);
        var apiLog = new ApiLog(configuration.Part(c => c.ApiLog), basis.Loggers, time);
        var errorCodes = new ErrorCodeMetric(basis.Metrics, self, configuration.Part(c => c.RecordsErrorCodes));
        var shutdown = new Shutdown(basis.ShutdownRequest, time, basis.Log("dapr.runtime"));

        ApiRoute[] routes =
        [
            .. new SystemRoutes(self, basis.Readiness, metadata, pubsub.Subscriptions, shutdown).Routes, .. new StateRoutes(components.State).Routes,
            .. new SecretRoutes(components.Secrets).Routes, .. new ConfigurationRoutes(stores.Block, stores.Updates).Routes,
            .. new PubSubRoutes(pubsub.Block).Routes, .. AbsentRoutes.All,
        ];
        http = new HttpSurface(
            new LiveHttpRoad(configuration, routes, new InvocationEndpoint(invocation.Invoker)), token, Cors.Create(listen.AllowedOrigins), basis.Tracer,
            new HttpServerMetrics(basis.Metrics, self, configuration.Part(c => c.PathLabel)), errorCodes, apiLog,
            listen.MaxBodyBytes > 0 ? new BodyLimit(listen.MaxBodyBytes) : null, listen.ReadBufferBytes, time, basis.Log("dapr.runtime.http"));

        grpc = new GrpcSurface(configuration.Part(c => c.GrpcAccess), token, basis.Tracer);
        methods = new GrpcMethods(
            new ApiCallObserver(new GrpcServerMetrics(basis.Metrics, self), errorCodes, apiLog),
            listen.MaxBodyBytes >= 0 ? listen.MaxBodyBytes : int.MaxValue, time, basis.Log("dapr.runtime.grpc.api"));
        new DaprService(
            components.State, components.Secrets, pubsub.Block, pubsub.Streams, invocation.Invoker, metadata, pubsub.Subscriptions, shutdown, stores.Block).AddTo(methods);
        metrics = new MetricsEndpoint(basis.Metrics);
    }

    /// <summary>Takes a request to the surface that its port belongs to.</summary>
    public Task HandleAsync(HttpContext context)
        => context.Features.Get<SurfaceFeature>()?.Kind switch
        {
            SurfaceKind.Http => http.HandleAsync(context),
            SurfaceKind.Internal => invocation.InternalServer.HandleAsync(context).AsTask(),
            SurfaceKind.Public => http.HandlePublicAsync(context),
            SurfaceKind.Metrics => metrics.HandleAsync(context),
            _ => grpc.HandleAsync(context, ServeGrpcAsync),
        };

    // What no service of this process takes is another app's.
    private async Task ServeGrpcAsync(HttpContext context)
    {
        if (!await methods.TryServeAsync(context))
        {
            await invocation.Proxy.FromClientAsync(context);
        }
    }
}
