namespace DaprK8s.Common.Identity;

/// <summary>The identity that a process holds, always the newest.</summary>
public interface IIdentity
{
    /// <summary>The identity and the anchors in force; waits for the first ones.</summary>
    ValueTask<(Svid Svid, TrustAnchors Anchors)> GetAsync(CancellationToken cancellationToken);
}
