using DaprK8s.Common.Identity;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.ControlPlane;

/// <summary>Who a control-plane service is and where it gets the proof of it (contract: k8s 2.4, 7.3).</summary>
public sealed record ServiceIdentityOptions
{
    /// <summary>The name of the service, such as <c>dapr-operator</c>.</summary>
    public required string AppId { get; init; }

    /// <summary>The control plane's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The control plane's trust domain.</summary>
    public required string TrustDomain { get; init; }

    /// <summary>Sentry's address, <c>host:port</c>.</summary>
    public required string SentryAddress { get; init; }

    /// <summary>The file of the trust anchors.</summary>
    public required string TrustAnchorsFile { get; init; }

    /// <summary>The value of <see cref="IdentityToken.FileVariable"/>; <see langword="null"/> when unset.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Makes the keys of the certificates; ECDSA P-256 when absent.</summary>
    public SvidKeys? Keys { get; init; }
}

/// <summary>
/// The identity of a control-plane service in Kubernetes: waits for the trust anchors' file and follows it, then asks sentry for a
/// certificate with the service account's token and renews it.
/// </summary>
public sealed class ServiceIdentity : IIdentity, IAsyncDisposable
{
    private readonly SentryClient sentry;
    private readonly SvidSource source;
    private readonly TimeProvider time;
    private readonly ILogger logger;

    /// <summary>Begins to wait for the trust anchors.</summary>
    /// <exception cref="OptionException">An option makes no sense.</exception>
    public ServiceIdentity(ServiceIdentityOptions options, ISvidEvents? events, ILoggerFactory loggers, TimeProvider time)
    {
        this.time = time;
        logger = loggers.CreateLogger("dapr.security");
        try
        {
            Id = SpiffeId.Create(options.TrustDomain, options.Namespace, options.AppId);
            Anchors = TrustAnchorSource.FromFile(options.TrustAnchorsFile, time, logger);
            sentry = new SentryClient(
                new SentryClientOptions
                {
                    Address = options.SentryAddress,
                    Sentry = SpiffeId.Create(options.TrustDomain, options.Namespace, "dapr-sentry"),
                    AppId = options.AppId,
                    Namespace = options.Namespace,
                    Token = new IdentityToken(isKubernetes: true, options.TokenFile),
                },
                Anchors,
                time);
        }
        catch (Exception e) when (e is IdentityException or FormatException)
        {
            throw new OptionException(e.Message);
        }

        source = new SvidSource(sentry, Anchors, events ?? NoEvents.Instance, time, logger, options.Keys);
    }

    /// <summary>Who the service is.</summary>
    public SpiffeId Id { get; }

    /// <summary>The trust anchors in force.</summary>
    public TrustAnchorSource Anchors { get; }

    /// <summary>Whether there is an identity that can still be shown: peers refuse one that has ended.</summary>
    public bool IsReady => source.Current is { } svid && svid.NotAfter > time.GetUtcNow();

    /// <summary>Asks for the first identity, once there are anchors.</summary>
    /// <exception cref="SvidRequestException">Sentry refused it for good.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await Anchors.Ready.WaitAsync(cancellationToken);
        sentry.BeginToConnect();
        source.Start();
        await source.First.WaitAsync(cancellationToken);
    }

    /// <summary>TLS for a gRPC port: every identity under the trust anchors is let in, and known to the calls.</summary>
    public TlsTransport GrpcTls() => new(this, PeerRule.Any, time, logger);

    /// <summary>TLS for a port that the API server calls: it shows no certificate.</summary>
    public TlsTransport WebhookTls()
        => new(
            async (_, cancellationToken) => TlsRoles.WebServer((await GetAsync(cancellationToken)).Svid),
            judgesPeers: false,
            time,
            logger);

    /// <inheritdoc/>
    public ValueTask<(Svid Svid, TrustAnchors Anchors)> GetAsync(CancellationToken cancellationToken) => source.GetAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        sentry.Dispose();
        await Anchors.DisposeAsync();
    }

    private sealed class NoEvents : ISvidEvents
    {
        public static readonly NoEvents Instance = new();

        public void Obtained(Svid svid, bool isFirst)
        {
            // Logged by the source; nobody counts it.
        }

        public void Failed(string reason, bool isFirst)
        {
            // Likewise.
        }
    }
}
