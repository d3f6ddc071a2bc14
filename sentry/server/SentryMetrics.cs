using DaprK8s.Common.Metrics;
using DaprK8s.Sentry.Ca;

namespace DaprK8s.Sentry.Server;

/// <summary>Sentry's metrics (contract: security 1.18), and the days that the authority has left.</summary>
internal sealed class SentryMetrics
{
    private readonly CounterFamily received;
    private readonly CounterFamily succeeded;
    private readonly CounterFamily failed;
    private readonly CounterFamily ownFailed;
    private readonly CounterFamily changed;
    private readonly GaugeFamily issuerEnd;
    private readonly GaugeFamily rootEnd;
    private readonly GaugeFamily issuerDays;
    private readonly GaugeFamily rootDays;
    private readonly GaugeFamily stage;
    private readonly GaugeFamily refused;

    public SentryMetrics(MetricsRegistry registry, TimeProvider time, TimeSpan clockSkew)
    {
        received = registry.Counter("dapr_sentry_cert_sign_request_received_total", "Signing requests received.");
        succeeded = registry.Counter("dapr_sentry_cert_sign_success_total", "Certificates issued.");
        failed = registry.Counter("dapr_sentry_cert_sign_failure_total", "Signing requests refused or failed.", "reason");
        ownFailed = registry.Counter("dapr_sentry_servercert_issue_failed_total", "Failures to issue sentry's own certificate.", "reason");
        changed = registry.Counter("dapr_sentry_issuercert_changed_total", "Changes of the issuer, and generations of an authority.");
        issuerEnd = registry.Gauge("dapr_sentry_issuercert_expiry_timestamp", "End of the signing issuer's certificate, Unix time in seconds.");
        rootEnd = registry.Gauge("dapr_sentry_root_expiry_timestamp", "End of the root above the signing issuer, Unix time in seconds.");
        issuerDays = registry.Gauge("dapr_sentry_issuercert_days_left", "Days until the signing issuer's certificate ends.");
        rootDays = registry.Gauge("dapr_sentry_root_days_left", "Days until the root above the signing issuer ends.");
        stage = registry.Gauge("dapr_sentry_root_rotation_stage", "0: none under way, 1: a new root is published, 2: it signs and the old one is still trusted.");
        refused = registry.Gauge("dapr_sentry_bundle_refused", "1 while what is stored can't be used and the former bundle is kept.");
        registry.BeforeCollect(() => Update(time.GetUtcNow(), clockSkew));
        refused.Set(default, 0);
    }

    /// <summary>What the gauges tell of.</summary>
    public Func<CaBundle?> Bundle { get; set; } = () => null;

    public void Received() => received.Increment(default);

    public void Succeeded() => succeeded.Increment(default);

    public void Failed() => failed.Increment(new LabelValues("sign"));

    public void OwnCertificateFailed() => ownFailed.Increment(new LabelValues("sign"));

    public void IssuerChanged() => changed.Increment(default);

    /// <summary>Whether the stored bundle was refused at the last look.</summary>
    public void BundleRefused(bool isRefused) => refused.Set(default, isRefused ? 1 : 0);

    private void Update(DateTimeOffset now, TimeSpan clockSkew)
    {
        if (Bundle() is not { } bundle)
        {
            return;
        }

        var issuer = bundle.SigningAt(now, clockSkew);
        issuerEnd.Set(default, issuer.Certificate.Ends().ToUnixTimeSeconds());
        rootEnd.Set(default, issuer.Anchor.Ends().ToUnixTimeSeconds());
        issuerDays.Set(default, Math.Floor((issuer.Certificate.Ends() - now).TotalDays));
        rootDays.Set(default, Math.Floor((issuer.Anchor.Ends() - now).TotalDays));
        stage.Set(default, bundle.Previous is not null || ReferenceEquals(issuer, bundle.Next) ? 2 : bundle.Next is not null ? 1 : 0);
    }
}
