using System.Net;

namespace DaprK8s.Components;

/// <summary>What a sidecar announces of itself.</summary>
/// <param name="AppId">The app id.</param>
/// <param name="Namespace">The namespace, empty when there is none.</param>
/// <param name="HostAddress">The address that peers should dial.</param>
/// <param name="InternalPort">The internal gRPC port.</param>
/// <param name="HttpPort">The HTTP API port.</param>
/// <param name="AppPort">The app's port, zero without an app.</param>
public sealed record Announcement(string AppId, string Namespace, IPAddress HostAddress, int InternalPort, int HttpPort, int AppPort);

/// <summary>
/// Finds the sidecars of an app id. Resolvers are components of kind <see cref="ComponentKind.NameResolution"/>; their
/// settings come from the Configuration's <c>spec.nameResolution.configuration</c>.
/// </summary>
public interface INameResolver : IComponent
{
    /// <summary>Announces this sidecar until the resolver is disposed. Called once, after initialisation.</summary>
    Task AnnounceAsync(Announcement self, CancellationToken cancellationToken);

    /// <summary>
    /// The addresses (<c>host:port</c>, IPv6 in brackets) of the live instances, in no particular order; the caller balances.
    /// Empty when none is known.
    /// </summary>
    /// <param name="appId">The app id.</param>
    /// <param name="namespace">Its namespace, for resolvers that know namespaces.</param>
    /// <param name="port">The port to assume where the resolver knows only hosts.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<IReadOnlyList<string>> ResolveAsync(string appId, string @namespace, int port, CancellationToken cancellationToken);

    /// <summary>How long the caller may keep the answer; zero when the resolver keeps its own.</summary>
    TimeSpan CacheFor => TimeSpan.Zero;

    /// <summary>Every app id that was seen lately, for the text of a not-found error.</summary>
    IReadOnlyCollection<string> SeenAppIds => [];

    /// <summary>
    /// Where this resolver looks, and for how long, in a few words for the text of a not-found error, for example
    /// <c>mdns (waited 1s), local registry /run/user/1000/dapr-k8s</c>. Names places only, never a secret.
    /// </summary>
    string SearchedPlaces => "the configured name resolver";
}
