using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Flags;
using Grpc.AspNetCore.Server;
using Grpc.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>The request handlers of the surfaces.</summary>
internal sealed record SurfaceHandlers(
    RequestDelegate Http, RequestDelegate Public, RequestDelegate Metrics, RequestDelegate Internal, Func<HttpContext, RequestDelegate, Task> GrpcGuard, RequestDelegate GrpcProxy);

/// <summary>One web server for all of the sidecar's ports; a request goes to the surface of the connection that it came in by.</summary>
internal static class WebHost
{
    public static WebApplication Build(
        Flags.ListenOptions options, Listeners listeners, ILoggerFactory loggers, ApiInterceptor interceptor, DaprService dapr, SurfaceHandlers handlers)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddLogging();
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(interceptor);
        builder.Services.AddSingleton(dapr);
        builder.Services.Configure<SocketTransportOptions>(listeners.Apply);
        builder.WebHost.UseKestrelCore();
        builder.Services.AddSingleton<IConnectionListenerFactory, H2cListenerFactory>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            Limit(kestrel, options);
            listeners.Apply(kestrel);
        });
        builder.Services.AddGrpc(grpc => Configure(grpc, options));
        var described = DaprK8s.Protos.Runtime.V1.Dapr.Descriptor;
        builder.Services.AddSingleton(new ReflectionServiceImpl(described));
        builder.Services.AddSingleton(new ReflectionV1ServiceImpl(described));
        var app = builder.Build();
        app.Use(next => context => context.Features.Get<SurfaceFeature>()?.Kind switch
        {
            SurfaceKind.Http => handlers.Http(context),
            SurfaceKind.Internal => handlers.Internal(context),
            SurfaceKind.Public => handlers.Public(context),
            SurfaceKind.Metrics => handlers.Metrics(context),
            _ => handlers.GrpcGuard(context, next),
        });
        app.UseRouting();
        app.MapGrpcService<DaprService>();
        app.MapGrpcService<ReflectionServiceImpl>();
        app.MapGrpcService<ReflectionV1ServiceImpl>();
        app.UseEndpoints(static _ => { });
        app.Run(handlers.GrpcProxy);
        return app;
    }

    private static void Configure(GrpcServiceOptions grpc, Flags.ListenOptions options)
    {
        grpc.Interceptors.Add<ApiInterceptor>();
        grpc.IgnoreUnknownServices = true;

        // Zero refuses every message that isn't empty, as documented; a negative size means no limit.
        grpc.MaxReceiveMessageSize = options.MaxBodyBytes < 0 ? null : (int)Math.Min(options.MaxBodyBytes, int.MaxValue);
        grpc.MaxSendMessageSize = grpc.MaxReceiveMessageSize;
    }

    private static void Limit(KestrelServerOptions kestrel, Flags.ListenOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowAlternateSchemes = true;
        var limits = kestrel.Limits;
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(3);
        limits.MaxRequestHeaderCount = 1000;

        // The gRPC servers take up to 1024 times what the HTTP surface takes, as far as one connection's buffer goes; the HTTP
        // surface checks its own, smaller limit.
        limits.MaxRequestHeadersTotalSize = (int)Math.Clamp(options.ReadBufferBytes * 1024, 64 << 10, 1 << 20);
        limits.Http2.MaxRequestHeaderFieldSize = 1 << 20;
        limits.Http2.MaxStreamsPerConnection = 2048;
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        limits.Http2.InitialStreamWindowSize = 1 << 20;
        limits.Http2.InitialConnectionWindowSize = 4 << 20;
    }
}
