using DaprK8s.Common.Metrics;
using DaprK8s.Injector.Admission;

namespace DaprK8s.Injector.Server;

/// <summary>The injector's metrics (contract: k8s 3.14).</summary>
internal sealed class InjectorMetrics : IInjectionEvents
{
    // App ids come from whoever may create a workload: neither their number nor their length may fill the memory.
    private const int MaxAppIds = 5_000;
    private const int MaxAppIdLength = 63;
    private const string Others = "other";

    private readonly HashSet<string> appIds = [];
    private readonly Lock gate = new();
    private readonly CounterFamily requests;
    private readonly CounterFamily succeeded;
    private readonly CounterFamily failed;

    public InjectorMetrics(MetricsRegistry registry)
    {
        requests = registry.Counter("dapr_injector_sidecar_injection_requests_total", "Requests to the webhook.");
        succeeded = registry.Counter("dapr_injector_sidecar_injection_succeeded_total", "Pods that got their sidecar.", "app_id");
        failed = registry.Counter("dapr_injector_sidecar_injection_failed_total", "Requests that did not lead to a sidecar where one may have been expected.", "app_id", "reason");
    }

    /// <inheritdoc/>
    public void Received() => requests.Increment(default);

    /// <inheritdoc/>
    public void Succeeded(string appId) => succeeded.Increment(new LabelValues(Bounded(appId)));

    /// <inheritdoc/>
    public void Failed(string appId, string reason) => failed.Increment(new LabelValues(Bounded(appId), reason));

    private string Bounded(string appId)
    {
        if (appId.Length > MaxAppIdLength)
        {
            return Others;
        }

        lock (gate)
        {
            return appIds.Contains(appId) || (appIds.Count < MaxAppIds && appIds.Add(appId)) ? appId : Others;
        }
    }
}
