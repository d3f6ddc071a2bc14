using DaprK8s.Components.Metadata;
using DaprK8s.Components.NameResolution.Local;
using DaprK8s.Components.NameResolution.Mdns;

namespace DaprK8s.Components.NameResolution;

/// <summary>
/// <c>nameresolution.mdns</c>, what self-hosted sidecars use unless told otherwise: sidecars of the same user and machine
/// are found through the local registry, without the network; all others by multicast DNS. An app id with local instances
/// is answered with these alone.
/// </summary>
internal sealed class LocalFirstResolver : INameResolver
{
    private static readonly MetadataField<bool> UseLocalRegistry = Field.Bool(
        "localRegistry", "Find sidecars of the same user and machine through files in the runtime directory, before multicast DNS is asked.", true);

    private static readonly MetadataField<string> Interfaces = Field.Text(
        "interfaces", "Comma-separated names of the network interfaces to use for multicast DNS; all when empty.");

    private readonly MdnsNameResolver mdns;
    private readonly LocalPeerRegistry registry;
    private bool useRegistry;

    /// <summary>Makes a resolver over the machine's networks and the user's runtime directory.</summary>
    public LocalFirstResolver()
        : this(OpenMulticast, runtimeDirectory: null)
    {
    }

    /// <summary>Makes a resolver over other networks or another directory.</summary>
    /// <param name="openLink">Yields the networks.</param>
    /// <param name="runtimeDirectory">The directory, or <see langword="null"/> for the user's.</param>
    public LocalFirstResolver(Func<ComponentContext, IMdnsLink> openLink, string? runtimeDirectory)
    {
        mdns = new MdnsNameResolver(openLink);
        registry = new LocalPeerRegistry(runtimeDirectory);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> SeenAppIds
        => useRegistry ? new SortedSet<string>([.. registry.AppIds, .. mdns.SeenAppIds], StringComparer.Ordinal) : mdns.SeenAppIds;

    /// <inheritdoc/>
    public string SearchedPlaces => useRegistry ? $"{mdns.SearchedPlaces}, {registry.SearchedPlaces}" : mdns.SearchedPlaces;

    /// <summary>What the catalogue says of it.</summary>
    public static ProviderDescriptor Describe()
        => new(
            "Finds sidecars of the same machine through a per-user registry and sidecars of the local networks by multicast DNS.",
            [UseLocalRegistry, Interfaces],
            static () => new LocalFirstResolver());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        useRegistry = context.Metadata.Get(UseLocalRegistry);
        if (useRegistry)
        {
            registry.Open(context);
        }

        await mdns.InitAsync(context, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task AnnounceAsync(Announcement self, CancellationToken cancellationToken)
    {
        await mdns.AnnounceAsync(self, cancellationToken);
        if (useRegistry)
        {
            registry.Announce(self);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ResolveAsync(string appId, string @namespace, int port, CancellationToken cancellationToken)
        => useRegistry && registry.Resolve(appId) is { Length: > 0 } local
            ? ValueTask.FromResult<IReadOnlyList<string>>(local)
            : mdns.ResolveAsync(appId, @namespace, port, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await registry.DisposeAsync();
        await mdns.DisposeAsync();
    }

    private static MulticastLink OpenMulticast(ComponentContext context)
        => new(
            MdnsNameResolver.Port,
            context.Metadata.Get(Interfaces).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            context.Time,
            context.Logger);
}
