using DaprK8s.Common.Metrics;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>Counts of component initialisation (contract: operations 5.5).</summary>
internal sealed class LoaderMetrics(MetricsRegistry registry, SidecarInfo self)
{
    private readonly CounterFamily loaded = registry.Counter("dapr_runtime_component_loaded", "Components loaded.", "app_id");
    private readonly CounterFamily starting = registry.Counter("dapr_runtime_component_init_total", "Component initialisations begun.", "app_id", "component");
    private readonly CounterFamily failed = registry.Counter("dapr_runtime_component_init_fail_total", "Component initialisations failed.", "app_id", "component", "reason", "componentName");

    public void Loaded() => loaded.Increment(new LabelValues(self.AppId));

    public void Starting(ComponentHandle handle) => starting.Increment(new LabelValues(self.AppId, handle.Type));

    public void Failed(ComponentHandle handle, string reason) => failed.Increment(new LabelValues(self.AppId, handle.Type, reason, handle.Name));
}
