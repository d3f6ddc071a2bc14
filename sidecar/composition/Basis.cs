using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Security;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Composition;

/// <summary>What every part of a sidecar uses: who it is, its Configuration, its components, and where it reports.</summary>
internal sealed class Basis
{
    public Basis(
        SidecarOptions options, SidecarSecurity? security, Configuration configuration, ComponentRegistry registry, ShutdownRequest shutdownRequest,
        ILoggerFactory loggers, TimeProvider time)
    {
        Options = options;
        Security = security;
        Registry = registry;
        ShutdownRequest = shutdownRequest;
        Loggers = loggers;
        Time = time;
        Self = new SidecarInfo(options.AppId, options.Namespace);
        Metrics = new MetricsRegistry(MetricsSetup.Options(MetricsSetup.Merge(configuration.Spec)), loggers.CreateLogger("dapr.metrics"));
        security?.Count(Metrics, Self);
        ConfigurationReader = new ConfigurationReader(options, registry, loggers);
        Configuration = new Swappable<SidecarConfiguration>(ConfigurationReader.Read(configuration));
        Tracer = new Tracer(Configuration.Part(c => c.Tracing.Mode), Self.AppId);
        Statuses = new ResourceStatuses(time)
        {
            OnChange = all => Readiness.SetFailedComponents([.. all.Values.Where(s => s.HoldsBack).Select(s => s.Name)]),
        };
        ComponentMetrics = new ComponentMetrics(Metrics, Self);
    }

    public SidecarOptions Options { get; }

    public SidecarInfo Self { get; }

    /// <summary>The identity, if there is one.</summary>
    public SidecarSecurity? Security { get; }

    public ComponentRegistry Registry { get; }

    public ShutdownRequest ShutdownRequest { get; }

    public ILoggerFactory Loggers { get; }

    public TimeProvider Time { get; }

    public MetricsRegistry Metrics { get; }

    public ComponentMetrics ComponentMetrics { get; }

    public ConfigurationReader ConfigurationReader { get; }

    /// <summary>The Configuration that counts.</summary>
    public Swappable<SidecarConfiguration> Configuration { get; }

    public Tracer Tracer { get; }

    public IResiliency Resiliency { get; } = NoResiliency.Instance;

    public Readiness Readiness { get; } = new();

    /// <summary>How each resource fares.</summary>
    public ResourceStatuses Statuses { get; }

    public ILogger Log(string scope) => Loggers.CreateLogger(scope);
}
