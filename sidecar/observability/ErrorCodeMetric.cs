using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Observability;

/// <summary><c>dapr_error_code_total</c>, when <c>recordErrorCodes</c> asks for it (contract: operations 5.8).</summary>
internal sealed class ErrorCodeMetric(MetricsRegistry registry, SidecarInfo self, Live<bool> enabled)
{
    // Not on the page of a sidecar that does not count.
    private readonly Lazy<CounterFamily> total = new(
        () => registry.Counter("dapr_error_code_total", "Failed API calls by error code.", "app_id", "category", "error_code"));

    /// <summary>Counts an error, unless it has no code of its own.</summary>
    public void Record(DaprError error)
    {
        if (error.HasOwnCode && enabled.Value)
        {
            total.Value.Increment(new LabelValues(self.AppId, error.Category, error.Code));
        }
    }
}
