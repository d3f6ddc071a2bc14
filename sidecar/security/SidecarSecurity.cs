using DaprK8s.Common.Identity;
using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Security;

/// <summary>
/// The sidecar's identity under mTLS: asks sentry for it, renews it, and is what every handshake with another sidecar takes it from.
/// </summary>
internal sealed class SidecarSecurity : IAsyncDisposable
{
    /// <summary>The name under which readiness waits for the identity (contract: security 2.14).</summary>
    public const string ReadinessTarget = "security-provider";

    private const string DefaultNamespace = "default";

    private readonly TrustAnchorSource anchors;
    private readonly SentryClient sentry;
    private readonly SvidSource source;
    private readonly TlsTransport? internalPort;
    private readonly SvidEventRelay events = new();
    private readonly Lazy<Task> first;

    /// <exception cref="FatalException">The anchors or another setting can't be used.</exception>
    public SidecarSecurity(SecurityOptions options, SidecarInfo self, ILoggerFactory loggers, TimeProvider time)
    {
        var logger = loggers.CreateLogger("dapr.runtime.security");
        try
        {
            var token = new IdentityToken(options.IsKubernetes, options.TokenFile);
            if (token.IsLegacy)
            {
                logger.LogWarning("no projected token for sentry is mounted; the pod's service account token is shown to it instead, which is deprecated");
            }

            anchors = TrustAnchorSource.FromText(options.TrustAnchors, time, logger);
            sentry = new SentryClient(
                new SentryClientOptions
                {
                    Address = options.SentryAddress,
                    Sentry = ParseSentry(options),
                    AppId = options.LocalIdentity.Length > 0 ? options.LocalIdentity : self.AppId,
                    Namespace = NamespaceOf(self.Namespace),
                    JwtAudiences = options.JwtAudiences,
                    Token = token,
                },
                anchors, time);
        }
        catch (IdentityException e)
        {
            throw new FatalException(e.Message, e);
        }

        source = new SvidSource(sentry, anchors, events, time, logger);
        internalPort = options.ProtectsPeers ? new TlsTransport(source, PeerRule.Any, time, logger) : null;
        first = new Lazy<Task>(ObtainAsync);
    }

    /// <summary>The identity, for handshakes with the control plane.</summary>
    public IIdentity Identity => source;

    /// <summary>The identity for handshakes with other sidecars; nothing when those speak clear text.</summary>
    public IIdentity? PeerIdentity => internalPort is null ? null : source;

    /// <summary>
    /// TLS on the port for other sidecars: any identity is let in, policies decide on calls (contract: security 2.8). Nothing when that
    /// port speaks clear text.
    /// </summary>
    public TlsTransport? InternalPort => internalPort;

    /// <summary>Counts what happens to the identity, and what has happened to it before there were metrics.</summary>
    public void Count(MetricsRegistry metrics, SidecarInfo self) => events.Attach(new SecurityMetrics(metrics, self));

    /// <summary>Asks for the identity, unless that was done; completes with the first one.</summary>
    /// <exception cref="FatalException">Sentry refused it.</exception>
    public Task StartAsync(CancellationToken cancellationToken) => first.Value.WaitAsync(cancellationToken);

    /// <summary>The namespace that an identity names for a resource namespace, which may be empty when self-hosted.</summary>
    public static string NamespaceOf(string @namespace) => @namespace.Length > 0 ? @namespace : DefaultNamespace;

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        sentry.Dispose();
        await anchors.DisposeAsync();
    }

    private async Task ObtainAsync()
    {
        source.Start();
        try
        {
            await source.First;
        }
        catch (SvidRequestException e)
        {
            throw new FatalException($"failed to retrieve the initial identity: {e.Message}", e);
        }
    }

    private static SpiffeId ParseSentry(SecurityOptions options)
    {
        try
        {
            return SpiffeId.Create(options.ControlPlaneTrustDomain, options.ControlPlaneNamespace, "dapr-sentry");
        }
        catch (FormatException e)
        {
            throw new IdentityException($"invalid control plane trust domain: {e.Message}", e);
        }
    }
}
