using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Wire;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Who calls, as the app is told (contract: security 4.10). The peer's certificate decides; only a peer without one is taken at its
/// word. Everything that came under these names was left out before, in every spelling.
/// </summary>
/// <param name="AppId">The caller; <see langword="null"/> when it is not known.</param>
/// <param name="Namespace">Its namespace, which may be empty; <see langword="null"/> when it is not known.</param>
internal readonly record struct PeerStamp(string? AppId, string? Namespace)
{
    /// <summary>The caller of an invocation.</summary>
    public static PeerStamp Read(PeerIdentity peer, HeaderList metadata)
        => Of(peer) ?? new PeerStamp(Last(metadata, HeaderRules.CallerAppId), Last(metadata, HeaderRules.CallerNamespace));

    /// <summary>The caller of a proxied call. Another make of sidecar adds its stamp behind what its client sent, so the last one is its.</summary>
    public static PeerStamp Read(PeerIdentity peer, IHeaderDictionary headers)
        => Of(peer) ?? new PeerStamp(
            headers.TryGetValue(HeaderRules.CallerAppId, out var id) && id.Count > 0 ? id[^1] : null,
            headers.TryGetValue(HeaderRules.CallerNamespace, out var ns) && ns.Count > 0 ? ns[^1] : null);

    /// <summary>Writes the stamps of an invocation.</summary>
    public void AddTo(HeaderList headers, string callee)
    {
        if (AppId is not null)
        {
            headers.Add(HeaderRules.CallerAppId, AppId);
        }

        if (Namespace is not null)
        {
            headers.Add(HeaderRules.CallerNamespace, Namespace);
        }

        headers.Add(HeaderRules.CalleeAppId, callee);
    }

    /// <summary>Writes the stamps of a proxied call.</summary>
    public void AddTo(HttpRequestMessage request, string callee)
    {
        Add(request, HeaderRules.CallerAppId, AppId);
        Add(request, HeaderRules.CallerNamespace, Namespace);
        Add(request, HeaderRules.CalleeAppId, callee);
    }

    private static PeerStamp? Of(PeerIdentity peer)
        => peer switch
        {
            { Id: { } id } => new PeerStamp(id.AppId, id.Namespace),
            { Problem: not null } => default(PeerStamp),
            _ => null,
        };

    // The sidecar's own stamp is spelt in lower case; its client's may be anything.
    private static string? Last(HeaderList metadata, string name) => metadata.FindLast(h => h.Key == name).Value;

    private static void Add(HttpRequestMessage request, string name, string? value)
    {
        if (value is not null)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
    }
}
