using DaprK8s.Common.Identity;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>
/// Who is at the other end of a connection between sidecars, as its verified certificate says; a feature of the connection, visible
/// from each of its requests. A connection without it has no identity. Nothing that a request carries can set or change it.
/// </summary>
/// <param name="Id">The peer.</param>
/// <param name="Problem">Why the certificate names nobody; whoever holds such a one is refused.</param>
internal sealed record PeerIdentityFeature(SpiffeId? Id, string? Problem);
