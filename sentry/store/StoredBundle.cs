namespace DaprK8s.Sentry.Store;

/// <summary>The names of what is stored; a flag may give its file another name, in which case the store maps it.</summary>
internal static class BundleItems
{
    /// <summary>The trust anchors, PEM.</summary>
    public const string TrustAnchors = "ca.crt";

    /// <summary>The issuer's certificate and those between it and the root, PEM.</summary>
    public const string IssuerCertificate = "issuer.crt";

    /// <summary>The issuer's private key, PEM.</summary>
    public const string IssuerKey = "issuer.key";

    /// <summary>While a root is being replaced: the issuer that takes over at the start of its life.</summary>
    public const string NextIssuerCertificate = "issuer.next.crt";

    /// <summary>Its private key.</summary>
    public const string NextIssuerKey = "issuer.next.key";

    /// <summary>After the take-over: the old issuer's certificate, until nothing that it signed is valid any more.</summary>
    public const string PreviousIssuerCertificate = "issuer.previous.crt";

    /// <summary>The private key that signs JWTs, PEM.</summary>
    public const string JwtKey = "jwt.key";

    /// <summary>The public keys that verify JWTs.</summary>
    public const string Jwks = "jwks.json";

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<string> All =
    [
        TrustAnchors, IssuerCertificate, IssuerKey, NextIssuerCertificate, NextIssuerKey, PreviousIssuerCertificate, JwtKey, Jwks,
    ];
}

/// <summary>What a store holds, unread.</summary>
/// <param name="Items">The items that are there, by the names of <see cref="BundleItems"/>.</param>
/// <param name="Published">
/// The public copy (the ConfigMap's <c>ca.crt</c> and <c>jwks.json</c>, as far as they are there); <see langword="null"/> for a store without one.
/// </param>
/// <param name="Version">Says what was loaded, for <see cref="ICaStore.SaveAsync"/>; opaque.</param>
internal sealed record StoredBundle(
    IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Items,
    IReadOnlyDictionary<string, ReadOnlyMemory<byte>>? Published = null,
    string Version = "")
{
    /// <summary>An item, or <see langword="null"/> when it is not there.</summary>
    public ReadOnlyMemory<byte>? this[string item] => Items.TryGetValue(item, out var bytes) ? bytes : default(ReadOnlyMemory<byte>?);
}
