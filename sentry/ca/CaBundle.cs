using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Sentry.Ca;

/// <summary>The bundle can't be used; the message says what is wrong with which item.</summary>
internal sealed class CaBundleException(string message) : Exception(message);

/// <summary>An issuer: its certificate with those above it, and its key.</summary>
/// <param name="Chain">Leaf first, without the root.</param>
/// <param name="Key">The key of the first.</param>
/// <param name="Anchor">The trust anchor that it leads to.</param>
internal sealed record Issuer(IReadOnlyList<X509Certificate2> Chain, PrivateKey Key, X509Certificate2 Anchor)
{
    /// <summary>The issuer's own certificate.</summary>
    public X509Certificate2 Certificate => Chain[0];

    /// <summary>When the first certificate of the chain, the anchor included, ends.</summary>
    public DateTimeOffset NotAfter => Chain.Append(Anchor).Min(c => c.Ends());
}

/// <summary>
/// The authority's certificates and keys, read and checked (contract: security 1.11, 1.12). During the replacement of a root there are
/// two issuers; which of them signs follows from the time alone, so that all replicas change over together.
/// </summary>
internal sealed class CaBundle
{
    /// <summary>The roots, all that peers are to trust.</summary>
    public required IReadOnlyList<X509Certificate2> TrustAnchors { get; init; }

    /// <summary>The issuer in office.</summary>
    public required Issuer Issuer { get; init; }

    /// <summary>The issuer that takes over (ADR 009).</summary>
    public Issuer? Next { get; init; }

    /// <summary>The certificates of the issuer that was replaced, as long as something that it signed may be valid.</summary>
    public IReadOnlyList<X509Certificate2>? Previous { get; init; }

    /// <summary>The trust anchors as they are handed out.</summary>
    public byte[] TrustAnchorsPem => trustAnchorsPem ??= CertificateList.Write(TrustAnchors);

    private byte[]? trustAnchorsPem;

    /// <summary>
    /// When the next issuer takes over. Its life begins early by the clock skew allowed, so that no peer with a slow clock sees it too early.
    /// </summary>
    public static DateTimeOffset TakesOver(Issuer next, TimeSpan clockSkew) => next.Certificate.Starts() + clockSkew;

    /// <summary>The issuer that signs at a time.</summary>
    public Issuer SigningAt(DateTimeOffset now, TimeSpan clockSkew) => Next is { } next && now >= TakesOver(next, clockSkew) ? next : Issuer;
}
