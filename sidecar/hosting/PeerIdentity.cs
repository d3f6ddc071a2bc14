using DaprK8s.Common.Identity;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>
/// Who is at the other end of a connection between sidecars, as its verified certificate says. Nothing that a request carries can set
/// or change it. The default is nobody in particular: there was no certificate.
/// </summary>
/// <param name="Id">The peer.</param>
/// <param name="Problem">Why the certificate names nobody; whoever holds such a one is refused where identities count.</param>
internal readonly record struct PeerIdentity(SpiffeId? Id, string? Problem)
{
    /// <summary>The peer of a request on the port for other sidecars.</summary>
    public static PeerIdentity Of(HttpContext context)
        => context.Features.Get<PeerVerdict>() switch
        {
            null => default,
            { Id: { } id } => new PeerIdentity(id, null),
            var verdict => new PeerIdentity(null, $"malformed SPIFFE ID: {verdict.Uri}"),
        };
}
