using System.Net;
using DaprK8s.Common.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>All of the sidecar's ports on one server with one handler, and their limits.</summary>
internal sealed class WebServer : IAsyncDisposable
{
    private readonly BareKestrel server;

    public WebServer(Flags.ListenOptions options, Listeners listeners, ILoggerFactory loggers, RequestDelegate handler)
    {
        var kestrel = new KestrelServerOptions();
        Limit(kestrel, options);
        listeners.Apply(kestrel);
        var transport = new SocketTransportOptions();
        listeners.Apply(transport);
        server = new BareKestrel(kestrel, new Transports(new SocketTransportFactory(Options.Create(transport), loggers)), loggers, handler);
    }

    public Task StartAsync(CancellationToken cancellationToken) => server.StartAsync(cancellationToken);

    /// <summary>Stops accepting and waits for the requests in flight, until the token ends; then they are cut off.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private static void Limit(KestrelServerOptions kestrel, Flags.ListenOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowAlternateSchemes = true;
        kestrel.RequestHeaderEncodingSelector = ConnectionHeader.Select;
        kestrel.ResponseHeaderEncodingSelector = static _ => System.Text.Encoding.UTF8;
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

    /// <summary>Sockets, and connections that another listener hands over.</summary>
    private sealed class Transports(SocketTransportFactory sockets) : IConnectionListenerFactory
    {
        private readonly H2cListenerFactory handedOver = new();

        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
            => handedOver.CanBind(endpoint) ? handedOver.BindAsync(endpoint, cancellationToken) : sockets.BindAsync(endpoint, cancellationToken);
    }
}
