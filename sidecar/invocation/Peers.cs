using System.Collections.Concurrent;
using DaprK8s.Common.Identity;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Security;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// The kept HTTP/2 connections to other sidecars' internal ports. A connection that goes quiet is pinged, so that a dead host is
/// noticed (contract: messaging 5.13).
/// </summary>
/// <remarks>
/// In clear text one pool serves all addresses. Under mTLS each target has its own: a connection that was opened to one app is never used
/// for another, whatever a name resolver says later of its address.
/// </remarks>
internal sealed class Peers : IDisposable
{
    // Apps are few; that many targets means that somebody invents names.
    private const int MaxTargets = 1024;

    private readonly AppOptions options;
    private readonly IIdentity? identity;
    private readonly Lazy<HttpMessageInvoker> plain;
    private readonly ConcurrentDictionary<TargetName, HttpMessageInvoker> byTarget = new();

    public Peers(AppOptions options, IIdentity? identity)
    {
        (this.options, this.identity) = (options, identity);
        plain = new Lazy<HttpMessageInvoker>(() => Create(null));
    }

    /// <summary>The client for an app's sidecars.</summary>
    public HttpMessageInvoker For(TargetName target)
    {
        if (identity is null)
        {
            return plain.Value;
        }

        if (byTarget.TryGetValue(target, out var client))
        {
            return client;
        }

        if (byTarget.Count >= MaxTargets && byTarget.Keys.FirstOrDefault() is { AppId: not null } some)
        {
            // Not disposed: somebody may be about to use it. Its connections close when they are idle.
            byTarget.TryRemove(some, out _);
        }

        return byTarget.GetOrAdd(target, static (t, self) => self.Create(PeerRule.App(SidecarSecurity.NamespaceOf(t.Namespace), t.AppId)), this);
    }

    public void Dispose()
    {
        if (plain.IsValueCreated)
        {
            plain.Value.Dispose();
        }

        foreach (var client in byTarget.Values)
        {
            client.Dispose();
        }
    }

    private HttpMessageInvoker Create(PeerRule? rule)
    {
        var handler = new SocketsHttpHandler
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
        };
        if (rule is not null)
        {
            handler.ConnectCallback = async (context, ct) =>
            {
                var (svid, anchors) = await identity!.GetAsync(ct);
                var verdict = new PeerVerdict();
                return await SpiffeConnector.ConnectAsync(
                    context.DnsEndPoint, TlsRoles.Client(svid, anchors, rule, context.DnsEndPoint.Host, verdict), verdict, ct);
            };
        }

        return new HttpMessageInvoker(handler);
    }
}
