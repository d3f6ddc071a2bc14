using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>What every input binding uses.</summary>
internal sealed record BindingServices(IAppChannel App, IResiliency Resiliency, ComponentMetrics Metrics, Tracer Tracer, TimeProvider Time, ILogger Logger);
