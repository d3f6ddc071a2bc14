using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Composition;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Reload;

/// <summary>
/// Brings what runs into line with what its source tells, one event after another (contract: operations 3.7, k8s 5.8). It keeps the
/// resources as they are wanted; whoever owns the running part finds out what differs.
/// </summary>
internal sealed class Reloader
{
    private readonly IResourceSource source;
    private readonly Basis basis;
    private readonly ComponentCatalogue catalogue;
    private readonly ComponentSide components;
    private readonly InvocationSide invocation;
    private readonly PubSubSide pubsub;
    private readonly ConfigurationSwap configuration;
    private readonly ILogger logger;
    private readonly Dictionary<string, List<Resource>> wanted = new(StringComparer.Ordinal);

    public Reloader(
        IResourceSource source, ResourceSet loaded, Basis basis, ComponentCatalogue catalogue, ComponentSide components, InvocationSide invocation,
        PubSubSide pubsub, ConfigurationSwap configuration)
    {
        this.source = source;
        this.basis = basis;
        this.catalogue = catalogue;
        this.components = components;
        this.invocation = invocation;
        this.pubsub = pubsub;
        this.configuration = configuration;
        logger = basis.Log("dapr.runtime.hotreload");
        foreach (var kind in ResourceKinds.Listed)
        {
            wanted[kind] = [.. loaded.OfKind(kind)];
        }

        Resiliencies = new Swappable<IReadOnlyList<string>>(NamesOf(ResourceKinds.Resiliency));
    }

    /// <summary>The names of the Resiliency resources for this app.</summary>
    public Swappable<IReadOnlyList<string>> Resiliencies { get; }

    /// <summary>Runs until the token ends.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!configuration.Current.Features.Contains(Features.HotReload))
        {
            logger.LogInformation("Hot reloading is disabled by the feature {Feature}. Resources are read once, at the start", Features.HotReload);
            return;
        }

        Announce();
        var pause = new BackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        while (!await WatchAsync(cancellationToken))
        {
            await Task.Delay(pause.Next(), basis.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Applies one event; what is wrong with it is logged and changes nothing.</summary>
    public async Task ApplyAsync(SourceEvent change, CancellationToken cancellationToken)
    {
        try
        {
            switch (change)
            {
                case ResourceApplied { Resource: Configuration next }:
                    ApplyConfiguration(next);
                    break;
                case ResourceApplied { Resource: var resource }:
                    await ApplyAsync(resource, cancellationToken);
                    break;
                case ResourceDeleted { Kind: ResourceKinds.Configuration, Name: var name }:
                    logger.LogWarning("Configuration {Name} was deleted; the sidecar keeps what it has of it until it starts anew", name);
                    break;
                case ResourceDeleted deleted:
                    await DeleteAsync(deleted, cancellationToken);
                    break;
                case KindListed listed:
                    await ListAsync(listed, cancellationToken);
                    break;
                default:
                    throw new ArgumentException($"{change.GetType().Name} is no event of a source", nameof(change));
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            logger.LogError(e, "a change of resources could not be applied; what was loaded before stays in use");
        }
    }

    /// <summary>False when it has to begin again.</summary>
    private async Task<bool> WatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var change in source.WatchAsync(cancellationToken))
            {
                await ApplyAsync(change, cancellationToken);
            }

            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return true;
        }
        catch (ResourceException e)
        {
            basis.ShutdownRequest.Request(ShutdownCause.Fatal, e.Message);
            return true;
        }
        catch (Exception e)
        {
            logger.LogError(e, "watching the resources failed; beginning again");
            return cancellationToken.IsCancellationRequested;
        }
    }

    private void Announce()
    {
        logger.LogInformation(
            "Hot reloading enabled. Daprd will reload 'Component', 'Subscription', 'MCPServer', 'Configuration', 'HTTPEndpoint', 'Resiliency' and 'WorkflowAccessPolicy' resources when they are added, updated or deleted.");
        foreach (var kind in new[] { ResourceKinds.Configuration, ResourceKinds.HttpEndpoint, ResourceKinds.Resiliency })
        {
            logger.LogInformation("Starting to watch {Kind} updates for SIGHUP reload", kind);
        }
    }

    private async Task ApplyAsync(Resource resource, CancellationToken cancellationToken)
    {
        var kind = KindOf(resource);
        var list = wanted[kind];
        var index = list.FindIndex(r => r.Name == resource.Name);
        if (index >= 0 && ResourceContent.DigestOf(list[index]) == ResourceContent.DigestOf(resource))
        {
            return;
        }

        if (index >= 0 && list[index].Metadata.Uid == resource.Metadata.Uid && list[index].Metadata.Generation > resource.Metadata.Generation)
        {
            logger.LogWarning(
                "{Kind} {Name}: generation {Generation} came after generation {Known} and is ignored",
                kind, resource.Name, resource.Metadata.Generation, list[index].Metadata.Generation);
            return;
        }

        wanted[kind] = index < 0 ? [.. list, resource] : [.. list.Select((r, i) => i == index ? resource : r)];
        Tell(kind, index < 0 ? "CREATED" : "UPDATED", resource.Name);
        await BringAboutAsync(kind, looksAtSecrets: false, cancellationToken);
    }

    private async Task DeleteAsync(ResourceDeleted deleted, CancellationToken cancellationToken)
    {
        var list = wanted[deleted.Kind];
        if (!list.Exists(r => r.Name == deleted.Name))
        {
            return;
        }

        wanted[deleted.Kind] = list.FindAll(r => r.Name != deleted.Name);
        Tell(deleted.Kind, "DELETED", deleted.Name);
        await BringAboutAsync(deleted.Kind, looksAtSecrets: false, cancellationToken);
    }

    private async Task ListAsync(KindListed listed, CancellationToken cancellationToken)
    {
        if (listed.IsReconcile)
        {
            logger.LogDebug("Running scheduled {Kind} reconcile", listed.Kind);
        }

        var before = wanted[listed.Kind];
        wanted[listed.Kind] = [.. listed.All];
        TellDifferences(listed.Kind, before, wanted[listed.Kind]);
        await BringAboutAsync(listed.Kind, listed.IsReconcile, cancellationToken);
    }

    private async Task BringAboutAsync(string kind, bool looksAtSecrets, CancellationToken cancellationToken)
    {
        switch (kind)
        {
            case ResourceKinds.Component:
                BringAboutComponents();
                if (looksAtSecrets)
                {
                    components.Loader.LookAtSecrets();
                }

                // One that is new may have subscriptions that wait for it, or be the first at all to ask the app for.
                await pubsub.Host.ReloadAsync(cancellationToken);
                break;
            case ResourceKinds.Subscription:
                pubsub.LoadDeclarative(wanted[kind].Cast<Subscription>());
                await pubsub.Host.ReloadAsync(cancellationToken);
                break;
            case ResourceKinds.HttpEndpoint:
                await invocation.Endpoints.LoadAsync([.. wanted[kind].Cast<HttpEndpoint>()], looksAtSecrets, cancellationToken);
                break;
            case ResourceKinds.Resiliency:
                Resiliencies.Swap(NamesOf(kind));
                break;
            default:
                // Policies and MCP servers have no effect in this version.
                break;
        }
    }

    private void BringAboutComponents()
        => components.Loader.Apply(catalogue.Choose(configuration.Current.Spec, [.. wanted[ResourceKinds.Component].Cast<Component>()]));

    private void ApplyConfiguration(Configuration next)
    {
        if (ResourceContent.DifferingBlocks(configuration.Current.Source, next).Count == 0)
        {
            return;
        }

        Tell(ResourceKinds.Configuration, "UPDATED", next.Name);
        if (configuration.Apply(next))
        {
            // The deny list and the strict sandbox choose among components.
            BringAboutComponents();
        }
    }

    private void TellDifferences(string kind, List<Resource> before, List<Resource> after)
    {
        if (!IsToldOf(kind))
        {
            return;
        }

        foreach (var gone in before.Where(b => !after.Exists(a => a.Name == b.Name)))
        {
            Tell(kind, "DELETED", gone.Name);
        }

        foreach (var resource in after)
        {
            if (before.Find(b => b.Name == resource.Name) is not { } known)
            {
                Tell(kind, "CREATED", resource.Name);
            }
            else if (!ReferenceEquals(known, resource) && ResourceContent.DigestOf(known) != ResourceContent.DigestOf(resource))
            {
                Tell(kind, "UPDATED", resource.Name);
            }
        }
    }

    // The words that those look for who know the restart of Dapr's runtime; here it is a swap.
    private void Tell(string kind, string type, string name)
    {
        if (IsToldOf(kind))
        {
            logger.LogInformation("Received {Kind} {Type} event: {Name} - triggering SIGHUP reload", kind, type, name);
        }
    }

    private static bool IsToldOf(string kind) => kind is ResourceKinds.Configuration or ResourceKinds.HttpEndpoint or ResourceKinds.Resiliency;

    private List<string> NamesOf(string kind) => [.. wanted[kind].Where(r => r.IsInScope(basis.Self.AppId)).Select(r => r.Name)];

    private static string KindOf(Resource resource)
        => resource switch
        {
            Component => ResourceKinds.Component,
            Subscription => ResourceKinds.Subscription,
            HttpEndpoint => ResourceKinds.HttpEndpoint,
            _ => resource.Kind,
        };
}
