using DaprK8s.Components;
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
            name => registry.Find(ComponentKind.SecretStore, name)?.Instance as ISecretStore, Environment.GetEnvironmentVariable, self, isKubernetes: basis.Options.Kubernetes is not null);
        Loader = new ComponentLoader(
            registry, Resolver, self, new LoaderMetrics(basis.Metrics, self), detail => basis.ShutdownRequest.Request(ShutdownCause.Fatal, detail),
            basis.Loggers, basis.Time)
        {
            Prepare = (handle, metadata) =>
            {
                handle.Metadata = metadata;
                if (handle.Kind == ComponentKind.State)
                {
                    State.Prepare(handle, metadata);
                }
            },
        };
    }

    public StateBlock State { get; }

    public SecretsBlock Secrets { get; }

    public SecretResolver Resolver { get; }

    public ComponentLoader Loader { get; }
}
