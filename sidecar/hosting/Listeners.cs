using DaprK8s.Common.Hosting;
using System.Net;
using System.Net.Sockets;
using DaprK8s.Sidecar.Flags;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using KestrelOptions = Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>Opens every port of the sidecar and gives them to the web server, each with its surface and its protocols.</summary>
internal sealed class Listeners
{
    private readonly Flags.ListenOptions options;
    private readonly string appId;
    private readonly ILogger logger;
    private readonly List<(SurfaceKind Kind, Socket Socket)> sockets = [];
    private readonly List<(SurfaceKind Kind, string Path)> unixSockets = [];

    public Listeners(Flags.ListenOptions options, string appId, ILogger logger) => (this.options, this.appId, this.logger) = (options, appId, logger);

    /// <summary>The port for other sidecars.</summary>
    public int InternalPort { get; private set; }

    /// <summary>TLS on the port for other sidecars; set before the server is made, or never for clear text.</summary>
    public Common.Identity.TlsTransport? InternalTls { get; set; }

    /// <summary>Binds everything.</summary>
    /// <exception cref="Runtime.FatalException">A server has no address that it could be bound to.</exception>
    public async Task BindAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        BindInternal();
        if (options.UnixSocketDirectory.Length > 0)
        {
            BindUnix(SurfaceKind.Http, "http");
            BindUnix(SurfaceKind.Grpc, "grpc");
        }
        else
        {
            await BindAsync(SurfaceKind.Grpc, options.ApiAddresses, options.GrpcPort, time, cancellationToken);
            await BindAsync(SurfaceKind.Http, options.ApiAddresses, options.HttpPort, time, cancellationToken);
        }

        if (options.PublicPort > 0)
        {
            await BindAsync(SurfaceKind.Public, [options.PublicAddress], options.PublicPort, time, cancellationToken);
        }

        if (options.MetricsEnabled)
        {
            await BindAsync(SurfaceKind.Metrics, [options.MetricsAddress], options.MetricsPort, time, cancellationToken);
        }
    }

    /// <summary>Hands the sockets to Kestrel.</summary>
    public void Apply(KestrelOptions kestrel)
    {
        foreach (var (kind, socket) in sockets)
        {
            kestrel.Listen((IPEndPoint)socket.LocalEndPoint!, listen => Configure(kestrel, listen, kind));
        }

        foreach (var (kind, path) in unixSockets)
        {
            kestrel.ListenUnixSocket(path, listen => Configure(kestrel, listen, kind));
        }
    }

    /// <summary>Makes the transport take the sockets that are bound already.</summary>
    public void Apply(SocketTransportOptions transport)
        => transport.CreateBoundListenSocket = endpoint =>
            sockets.Find(s => s.Socket.LocalEndPoint!.Equals(endpoint)).Socket ?? SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);

    /// <summary>Tells what is open, as the reference does.</summary>
    public void Announce()
    {
        logger.LogInformation("API gRPC server is running on {Where}", Where(SurfaceKind.Grpc, options.GrpcPort));
        logger.LogInformation("HTTP server is running on {Where}", Where(SurfaceKind.Http, options.HttpPort));
        logger.LogInformation("The request body size parameter is: {Bytes} bytes", options.MaxBodyBytes);
        logger.LogInformation("Internal gRPC server is running on {Address}:{Port}", options.InternalGrpcAddress, InternalPort);
    }

    /// <summary>Gives up ports that no server was made for.</summary>
    public void Abandon() => sockets.ForEach(s => s.Socket.Dispose());

    /// <summary>Removes socket files.</summary>
    public void CleanUp()
    {
        foreach (var (_, path) in unixSockets)
        {
            File.Delete(path);
        }
    }

    private string Where(SurfaceKind kind, int port)
        => unixSockets.Find(s => s.Kind == kind).Path is { } path ? $"UNIX socket: {path}" : $"port {port}";

    private void BindInternal()
    {
        var address = IPAddress.TryParse(options.InternalGrpcAddress, out var ip) ? ip : Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        try
        {
            var socket = options.InternalGrpcPort > 0
                ? BoundSockets.Bind(new IPEndPoint(address, options.InternalGrpcPort))
                : Hosting.InternalPort.Bind(appId, address, UserId());
            InternalPort = ((IPEndPoint)socket.LocalEndPoint!).Port;
            sockets.Add((SurfaceKind.Internal, socket));
        }
        catch (SocketException e)
        {
            throw new Runtime.FatalException($"failed to start internal gRPC server on port {options.InternalGrpcPort}: {e.Message}", e);
        }
    }

    private void BindUnix(SurfaceKind kind, string name)
    {
        var path = Path.Combine(options.UnixSocketDirectory, $"dapr-{appId}-{name}.socket");
        Directory.CreateDirectory(options.UnixSocketDirectory);
        File.Delete(path);
        unixSockets.Add((kind, path));
    }

    private async Task BindAsync(SurfaceKind kind, IReadOnlyList<string> addresses, int port, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var socket in await BoundSockets.BindAsync(addresses, port, time, cancellationToken))
            {
                sockets.Add((kind, socket));
            }
        }
        catch (SocketException e)
        {
            throw new Runtime.FatalException($"could not listen on any endpoint: {kind.ToString().ToLowerInvariant()} port {port}: {e.Message}", e);
        }
    }

    private void Configure(KestrelOptions kestrel, Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions listen, SurfaceKind kind)
    {
        Tag(listen, kind);
        if (kind is SurfaceKind.Grpc or SurfaceKind.Internal)
        {
            listen.Protocols = HttpProtocols.Http2;
            if (kind == SurfaceKind.Internal && InternalTls is { } tls)
            {
                listen.Use(tls.Wrap);
            }

            return;
        }

        listen.Protocols = HttpProtocols.Http1;
        if (kind == SurfaceKind.Http && !options.DisableH2c)
        {
            var http2 = new H2cEndPoint($"h2c on {listen}");
            listen.Use(next => H2cSplit.Create(next, http2));
            kestrel.Listen(http2, split =>
            {
                Tag(split, kind);
                split.Protocols = HttpProtocols.Http2;
            });
        }
    }

    private static void Tag(Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions listen, SurfaceKind kind)
    {
        var feature = new SurfaceFeature(kind);
        listen.Use(next => connection =>
        {
            connection.Features.Set(feature);
            return next(connection);
        });
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "getuid")]
    private static extern uint GetUid();

    private static int UserId() => OperatingSystem.IsWindows() ? 0 : (int)GetUid();
}
