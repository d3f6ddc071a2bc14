using System.Net;
using System.Net.Sockets;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DaprK8s.Sentry.Server;

/// <summary>What answers on sentry's ports.</summary>
internal sealed record SentryEndpoints
{
    public required GrpcMethods Grpc { get; init; }

    public required TlsTransport Tls { get; init; }

    public required SentryHealth Health { get; init; }

    /// <summary><see langword="null"/> when metrics are off.</summary>
    public RequestDelegate? Metrics { get; init; }
}

/// <summary>All of sentry's ports but OIDC's, on one server.</summary>
internal sealed class SentryServer : IAsyncDisposable
{
    private readonly SentryOptions options;
    private readonly SentryEndpoints endpoints;
    private readonly ILoggerFactory loggers;
    private readonly List<(Socket Socket, RequestDelegate Handler, bool IsGrpc)> sockets = [];
    private BareKestrel? server;

    public SentryServer(SentryOptions options, SentryEndpoints endpoints, ILoggerFactory loggers)
        => (this.options, this.endpoints, this.loggers) = (options, endpoints, loggers);

    /// <summary>Whether the ports are open.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Opens the ports.</summary>
    /// <exception cref="SocketException">A port can't be bound.</exception>
    public async Task StartAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        await BindAsync(options.ListenAddress, options.Port, ServeGrpcAsync, isGrpc: true, time, cancellationToken);
        await BindAsync(options.HealthAddress, options.HealthPort, ServeHealthAsync, isGrpc: false, time, cancellationToken);
        if (endpoints.Metrics is { } metrics)
        {
            await BindAsync(options.MetricsAddress, options.MetricsPort, metrics, isGrpc: false, time, cancellationToken);
        }

        var kestrel = new KestrelServerOptions { AddServerHeader = false, AllowAlternateSchemes = true };
        Limit(kestrel.Limits);
        foreach (var (socket, handler, isGrpc) in sockets)
        {
            kestrel.Listen((IPEndPoint)socket.LocalEndPoint!, listen => Configure(listen, handler, isGrpc));
        }

        var transport = new SocketTransportOptions
        {
            CreateBoundListenSocket = endpoint => sockets.First(s => s.Socket.LocalEndPoint!.Equals(endpoint)).Socket,
        };
        server = new BareKestrel(
            kestrel, new SocketTransportFactory(Options.Create(transport), loggers), loggers, static context => context.Features.Get<Handler>()!.Serve(context));
        await server.StartAsync(cancellationToken);
        IsRunning = true;
    }

    /// <summary>Stops accepting, and lets signings in flight finish until the token ends.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        IsRunning = false;
        return server?.StopAsync(cancellationToken) ?? Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        sockets.ForEach(s => s.Socket.Dispose());
    }

    private async Task BindAsync(string address, int port, RequestDelegate handler, bool isGrpc, TimeProvider time, CancellationToken cancellationToken)
    {
        foreach (var socket in await BoundSockets.BindAsync([address], port, time, cancellationToken))
        {
            sockets.Add((socket, handler, isGrpc));
        }
    }

    private void Configure(ListenOptions listen, RequestDelegate handler, bool isGrpc)
    {
        var feature = new Handler(handler);
        listen.Use(next => connection =>
        {
            connection.Features.Set(feature);
            return next(connection);
        });
        listen.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1;
        if (isGrpc)
        {
            listen.Use(endpoints.Tls.Wrap);
        }
    }

    private async Task ServeGrpcAsync(HttpContext context)
    {
        if (!await endpoints.Grpc.TryServeAsync(context))
        {
            await GrpcResponse.EndAsync(context, StatusCode.Unimplemented, $"unknown service or method {context.Request.Path}");
        }
    }

    private Task ServeHealthAsync(HttpContext context)
    {
        endpoints.Health.Handle(context);
        return Task.CompletedTask;
    }

    private static void Limit(KestrelServerLimits limits)
    {
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(3);
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
    }

    /// <summary>What serves a connection's requests; a feature of the connection.</summary>
    private sealed record Handler(RequestDelegate Serve);
}
