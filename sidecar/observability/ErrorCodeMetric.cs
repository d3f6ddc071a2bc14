using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Observability;

/// <summary><c>dapr_error_code_total</c>, when <c>recordErrorCodes</c> asks for it (contract: operations 5.8).</summary>
internal sealed class ErrorCodeMetric(MetricsRegistry registry, SidecarInfo self, bool enabled)
{
    private readonly CounterFamily? total = enabled
        ? registry.Counter("dapr_error_code_total", "Failed API calls by error code.", "app_id", "category", "error_code")
        : null;

    /// <summary>Counts an error, unless it has no code of its own.</summary>
    public void Record(DaprError error)
    {
        if (total is not null && error.HasOwnCode)
        {
            total.Increment(new LabelValues(self.AppId, error.Category, error.Code));
        }
    }
}
