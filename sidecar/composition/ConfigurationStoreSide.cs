using DaprK8s.Sidecar.ConfigurationApi;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Composition;

/// <summary>The configuration building block, and the way of its updates to the app.</summary>
internal sealed class ConfigurationStoreSide
{
    public ConfigurationStoreSide(Basis basis, AppSide app)
    {
        var logger = basis.Log("dapr.runtime");
        Block = new ConfigurationBlock(basis.Registry, new ComponentRoad(basis.Resiliency, basis.ComponentMetrics, basis.Time), basis.Time, logger);
        Updates = new AppUpdates(app.Channel, basis.Resiliency, logger);
    }

    public ConfigurationBlock Block { get; }

    public AppUpdates Updates { get; }
}
