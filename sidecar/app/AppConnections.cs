using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using DaprK8s.Sidecar.Flags;

namespace DaprK8s.Sidecar.App;

/// <summary>The pooled connections to the app, made on first use.</summary>
internal sealed class AppConnections : IDisposable
{
    private readonly Lazy<HttpMessageInvoker> client;

    public AppConnections(AppOptions options, long readBufferBytes)
    {
        var host = options.ChannelAddress.Contains(':') && !options.ChannelAddress.StartsWith('[') ? $"[{options.ChannelAddress}]" : options.ChannelAddress;
        BaseUrl = $"{(options.IsTls ? "https" : "http")}://{host}:{options.Port}";
        IsHttp2 = options.Protocol is AppProtocol.H2c || options.IsGrpc;
        client = new Lazy<HttpMessageInvoker>(() => new HttpMessageInvoker(CreateHandler(options, readBufferBytes)));
    }

    /// <summary>Scheme, host and port, without a slash at the end.</summary>
    public string BaseUrl { get; }

    /// <summary>The app speaks HTTP/2 with prior knowledge (or, with TLS, by negotiation).</summary>
    public bool IsHttp2 { get; }

    public HttpMessageInvoker Client => client.Value;

    public void Dispose()
    {
        if (client.IsValueCreated)
        {
            client.Value.Dispose();
        }
    }

    private static SocketsHttpHandler CreateHandler(AppOptions options, long readBufferBytes)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,
            ResponseHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,
            MaxConnectionsPerServer = options.IsGrpc ? int.MaxValue : 1024,
            PooledConnectionIdleTimeout = options.IsGrpc ? options.GrpcIdle : TimeSpan.FromSeconds(90),
            ConnectTimeout = TimeSpan.FromSeconds(20),
            EnableMultipleHttp2Connections = true,
            MaxResponseHeadersLength = (int)Math.Clamp(readBufferBytes / 1024, 64, 1 << 20),
            ConnectCallback = ConnectAsync,
        };
        if (options.IsTls)
        {
            // The app is on the same host and shows whatever certificate it has (contract: security 4.11).
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12 | System.Security.Authentication.SslProtocols.Tls13,
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
            };
        }

        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
