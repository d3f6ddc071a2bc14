using DaprK8s.Sidecar.Bindings;

namespace DaprK8s.Sidecar.Composition;

/// <summary>Input bindings: events from outside that the app is to handle.</summary>
internal sealed class BindingSide
{
    public BindingSide(Basis basis, AppSide app)
    {
        var services = new BindingServices(
            app.Channel, basis.Resiliency, basis.ComponentMetrics, basis.Tracer, basis.Time, basis.Log("dapr.runtime.processor.binding"));
        Host = new InputBindingHost(basis.Registry, new BindingDiscovery(services, basis.Options.App.BindingProbeTimeout), services);
    }

    public InputBindingHost Host { get; }
}
