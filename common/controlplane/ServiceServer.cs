using System.Net;
using System.Net.Sockets;
using DaprK8s.Common.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DaprK8s.Common.ControlPlane;

/// <summary>The ports of a control-plane service, on one server.</summary>
public sealed class ServiceServer(IReadOnlyList<ServicePort> ports, ILoggerFactory loggers) : IAsyncDisposable
{
    private readonly List<(Socket Socket, ServicePort Port)> sockets = [];
    private BareKestrel? server;

    /// <summary>After how long without a word the other end of an HTTP/2 connection is asked whether it is there.</summary>
    public TimeSpan KeepAlivePing { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether the ports are open.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Opens the ports.</summary>
    /// <exception cref="IOException">A port can't be bound; the message names it.</exception>
    public async Task StartAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        foreach (var port in ports)
        {
            await BindAsync(port, time, cancellationToken);
        }

        var kestrel = new KestrelServerOptions { AddServerHeader = false, AllowAlternateSchemes = true };
        Limit(kestrel.Limits);
        foreach (var (socket, port) in sockets)
        {
            kestrel.Listen((IPEndPoint)socket.LocalEndPoint!, listen => Configure(listen, port));
        }

        var transport = new SocketTransportOptions
        {
            CreateBoundListenSocket = endpoint => sockets.First(s => s.Socket.LocalEndPoint!.Equals(endpoint)).Socket,
        };
        server = new BareKestrel(
            kestrel, new SocketTransportFactory(Options.Create(transport), loggers), loggers, static context => context.Features.Get<ServicePort>()!.Handler(context));
        await server.StartAsync(cancellationToken);
        IsRunning = true;
    }

    /// <summary>The number under which a port is open; of interest when it was left to the system.</summary>
    public int NumberOf(ServicePort port) => ((IPEndPoint)sockets.First(s => ReferenceEquals(s.Port, port)).Socket.LocalEndPoint!).Port;

    /// <summary>Stops accepting, and lets requests in flight finish until the token ends.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        IsRunning = false;
        return server?.StopAsync(cancellationToken) ?? Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        sockets.ForEach(s => s.Socket.Dispose());
    }

    private async Task BindAsync(ServicePort port, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var socket in await BoundSockets.BindAsync([port.Address], port.Port, time, cancellationToken))
            {
                sockets.Add((socket, port));
            }
        }
        catch (SocketException e)
        {
            throw new IOException($"cannot listen on {(port.Address.Length > 0 ? port.Address : "*")}:{port.Port}: {e.Message}", e);
        }
    }

    private static void Configure(ListenOptions listen, ServicePort port)
    {
        listen.Use(next => connection =>
        {
            connection.Features.Set(port);
            return next(connection);
        });
        listen.Protocols = port.Protocols;
        if (port.Tls is { } tls)
        {
            listen.Use(tls.Wrap);
        }
    }

    private void Limit(KestrelServerLimits limits)
    {
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(3);
        limits.Http2.KeepAlivePingDelay = KeepAlivePing;
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
    }
}
