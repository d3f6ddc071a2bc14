using DaprK8s.Common.Identity;
using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Security;

/// <summary>The <c>dapr_runtime_mtls_*</c> metrics (contract: security 2.14), and the end of the certificate held.</summary>
internal sealed class SecurityMetrics(MetricsRegistry registry, SidecarInfo self) : ISvidEvents
{
    private readonly CounterFamily initiated = registry.Counter("dapr_runtime_mtls_init_total", "First identities obtained.", "app_id");
    private readonly CounterFamily notInitiated = registry.Counter(
        "dapr_runtime_mtls_init_fail_total", "Failed requests for the first identity.", "app_id", "reason");

    private readonly CounterFamily rotated = registry.Counter("dapr_runtime_mtls_workload_cert_rotated_total", "Identities renewed.", "app_id");
    private readonly CounterFamily notRotated = registry.Counter(
        "dapr_runtime_mtls_workload_cert_rotated_fail_total", "Failed requests for a renewed identity.", "app_id", "reason");

    private readonly GaugeFamily end = registry.Gauge(
        "dapr_runtime_mtls_workload_cert_expiry_timestamp", "End of the certificate in use, Unix time in seconds.", "app_id");

    public void Obtained(Svid svid, bool isFirst)
    {
        (isFirst ? initiated : rotated).Increment(new LabelValues(self.AppId));
        end.Set(new LabelValues(self.AppId), svid.NotAfter.ToUnixTimeSeconds());
    }

    public void Failed(string reason, bool isFirst) => (isFirst ? notInitiated : notRotated).Increment(new LabelValues(self.AppId, reason));
}
