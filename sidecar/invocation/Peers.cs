using System.Net.Sockets;
using DaprK8s.Sidecar.Flags;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// The kept HTTP/2 connections to other sidecars' internal ports, one pool for all addresses. A connection that goes quiet is
/// pinged, so that a dead host is noticed (contract: messaging 5.13).
/// </summary>
internal sealed class Peers : IDisposable
{
    private readonly Lazy<HttpMessageInvoker> client;

    public Peers(AppOptions options)
        => client = new Lazy<HttpMessageInvoker>(() => new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionIdleTimeout = options.GrpcIdle,
            KeepAlivePingDelay = TimeSpan.FromSeconds(10),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            InitialHttp2StreamWindowSize = 1 << 20,
        }));

    public HttpMessageInvoker Client => client.Value;

    public void Dispose()
    {
        if (client.IsValueCreated)
        {
            client.Value.Dispose();
        }
    }
}
