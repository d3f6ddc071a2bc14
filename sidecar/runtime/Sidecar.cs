using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Composition;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Security;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The composition of one sidecar: every part, made once, in the order in which they depend on each other. Nothing runs until
/// <see cref="SidecarLife"/> starts it.
/// </summary>
internal sealed class Sidecar
{
    public Sidecar(
        SidecarOptions options,
        SidecarSecurity? security,
        IResourceSource source,
        LoadedResources loaded,
        Listeners listeners,
        ShutdownRequest shutdownRequest,
        ILoggerFactory loggers,
        TimeProvider time)
    {
        Resources = loaded.Resources;
        Listeners = listeners;
        var spec = loaded.Configuration.Spec;
        var registry = new ComponentRegistry();
        var catalogue = new ComponentCatalogue(options.AppId, [], loggers.CreateLogger("dapr.runtime.processor"));
        registry.Replace(
            [.. catalogue.Choose(spec, Resources.Components).Select(c => new ComponentHandle(c, ComponentCatalogue.KindOf(c), time))]);

        Basis = new Basis(options, security, loaded.Configuration, registry, shutdownRequest, loggers, time);
        Components = new ComponentSide(Basis);
        App = new AppSide(Basis);
        Invocation = new InvocationSide(Basis, App, Components, listeners);
        ConfigurationStores = new ConfigurationStoreSide(Basis, App);
        Bindings = new BindingSide(Basis, App);
        PubSub = new PubSubSide(Basis, App, Bindings);
        Configuration = new ConfigurationSwap(Basis);
        Reloader = new Reloader(source, Resources, Basis, catalogue, Components, Invocation, PubSub, Configuration);
        var metadata = new SidecarMetadata(
            Basis.Self, options.App, registry, Basis.Statuses, Invocation.Externals, Basis.Configuration.Part(c => c.Features), Reloader.Resiliencies);
        Web = new WebServer(options.Listen, listeners, loggers, new ApiSide(Basis, Components, ConfigurationStores, Invocation, PubSub, metadata).HandleAsync);

        ProcessMetrics.Register(Basis.Metrics);
        foreach (var warning in Basis.Configuration.Value.SecretScopes.Warnings(name => registry.Find(ComponentKind.SecretStore, name) is not null))
        {
            Basis.Log("dapr.runtime").LogWarning("{Warning}", warning);
        }
    }

    public Basis Basis { get; }

    public ResourceSet Resources { get; }

    public Listeners Listeners { get; }

    public ComponentSide Components { get; }

    public AppSide App { get; }

    public InvocationSide Invocation { get; }

    public ConfigurationStoreSide ConfigurationStores { get; }

    public BindingSide Bindings { get; }

    public PubSubSide PubSub { get; }

    public WebServer Web { get; }

    public ConfigurationSwap Configuration { get; }

    public Reloader Reloader { get; }
}
