using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;

namespace DaprK8s.Sidecar.Composition;

/// <summary>The components and the building blocks that stand right on them.</summary>
internal sealed class ComponentSide
{
    public ComponentSide(Basis basis)
    {
        var (registry, self) = (basis.Registry, basis.Self);
        var road = new ComponentRoad(basis.Resiliency, basis.ComponentMetrics, basis.Time);
        State = new StateBlock(registry, road, self);
        Secrets = new SecretsBlock(registry, road, basis.Configuration.Part(c => c.SecretScopes));
        Resolver = new SecretResolver(
            name => CurrentSecretStore.Find(registry, name), Environment.GetEnvironmentVariable, self, basis.Options.Kubernetes is not null);
        var starter = new ComponentStarter(registry, Resolver, self, basis.Loggers, basis.Time) { Prepare = Prepare };
        Loader = new ComponentLoader(new SupervisorServices(
            starter, registry, basis.Statuses, new LoaderMetrics(basis.Metrics, self), OnFatal(basis), basis.Log("dapr.runtime.processor"), basis.Time));
    }

    public StateBlock State { get; }

    public SecretsBlock Secrets { get; }

    public SecretResolver Resolver { get; }

    public ComponentLoader Loader { get; }

    // In Kubernetes a sidecar that can't have a component says so and goes on trying, instead of crashing again and again.
    private static Action<string>? OnFatal(Basis basis)
        => basis.Options.IsKubernetes ? null : detail => basis.ShutdownRequest.Request(ShutdownCause.Fatal, detail);

    private void Prepare(ComponentHandle handle, ComponentMetadata metadata)
    {
        handle.Metadata = metadata;
        if (handle.Kind == ComponentKind.State)
        {
            State.Prepare(handle, metadata);
        }
    }
}
