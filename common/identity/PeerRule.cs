namespace DaprK8s.Common.Identity;

/// <summary>Which identity the other end of a connection must have (contract: security 2.8).</summary>
/// <param name="Expectation">What is expected, for the log line of a refusal.</param>
/// <param name="Accepts">The check; an id that is no Dapr id is <see langword="null"/>.</param>
public sealed record PeerRule(string Expectation, Func<SpiffeId?, bool> Accepts)
{
    /// <summary>Any identity that chains to the anchors; what it may do is decided by policies.</summary>
    public static PeerRule Any { get; } = new("any identity", _ => true);

    /// <summary>Exactly one identity, as for services of the control plane.</summary>
    public static PeerRule Exact(SpiffeId id) => new(id.ToString(), peer => id.Equals(peer));

    /// <summary>An app of a namespace, in whichever trust domain.</summary>
    public static PeerRule App(string @namespace, string appId)
        => new($"spiffe://*/ns/{@namespace}/{appId}", peer => peer is not null && peer.Namespace == @namespace && peer.AppId == appId);
}
