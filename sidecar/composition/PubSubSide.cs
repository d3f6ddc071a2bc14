using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Composition;

/// <summary>Publishing, and the subscriptions of the app.</summary>
internal sealed class PubSubSide
{
    private readonly ResourceStatuses statuses;

    public PubSubSide(Basis basis, AppSide app, BindingSide bindings)
    {
        statuses = basis.Statuses;
        var (registry, self, time, logger) = (basis.Registry, basis.Self, basis.Time, basis.Log("dapr.runtime"));
        var settings = new PubSubSettingsCache(self);
        var brokers = new BrokerRoad(basis.Resiliency, settings, self);
        Block = new PubSubBlock(registry, brokers, basis.ComponentMetrics, self, time);

        var reader = new SubscriptionReader(NoRouteMatchers.Instance, logger);
        Subscriptions = new SubscriptionCatalog(reader, self);
        var deliveries = new DeliveryServices(brokers, basis.Resiliency, basis.ComponentMetrics, basis.Tracer, time, basis.Log("dapr.runtime.pubsub"));
        Streams = new SubscriptionStreams(registry, Subscriptions, settings, deliveries);
        Host = new SubscriptionHost(
            app.Channel, registry, Subscriptions, new SubscriptionDiscovery(app.Channel, reader, self, time, logger), Streams, settings, deliveries,
            basis.Options.App.SkipSubscribeEndpoint);
        AppWatch = new AppWatch(app.Channel, app.HealthProbe, time, logger)
        {
            OnHealthy = async stop =>
            {
                await Host.StartAsync(stop);
                await bindings.Host.StartAsync(stop);
            },
            OnUnhealthy = _ => Task.WhenAll(Host.StopAsync(), bindings.Host.StopAsync()),
            OnDiscovered = () => basis.Readiness.Done("runtime"),
        };
    }

    public PubSubBlock Block { get; }

    public SubscriptionCatalog Subscriptions { get; }

    public SubscriptionStreams Streams { get; }

    public SubscriptionHost Host { get; }

    /// <summary>Tells <see cref="Host"/> when the app comes and goes.</summary>
    public AppWatch AppWatch { get; }

    /// <summary>Takes the Subscription resources; <see cref="Host"/> is told apart.</summary>
    public void LoadDeclarative(IEnumerable<Subscription> resources)
    {
        var gone = statuses.All.Keys.Where(k => k.Kind == ResourceKinds.Subscription).Select(k => k.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (resource, isUsable) in Subscriptions.LoadDeclarative(resources).Where(s => s.Resource.Name.Length > 0))
        {
            gone.Remove(resource.Name);
            statuses.Set(
                ResourceKinds.Subscription, resource, isUsable ? ResourceState.Ready : ResourceState.Failed, isUsable ? "" : StatusReasons.Invalid,
                isUsable ? "" : "it can't be subscribed as it is written; the log of the sidecar says why");
        }

        foreach (var name in gone)
        {
            statuses.Remove(ResourceKinds.Subscription, name);
        }
    }
}
