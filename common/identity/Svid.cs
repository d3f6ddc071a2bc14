using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Common.Identity;

/// <summary>
/// An identity document as it is held: certificate with its private key, the issuers to send along, and the JWT forms if sentry issues
/// them (SPIFFE X.509-SVID and JWT-SVID).
/// </summary>
public sealed class Svid : IDisposable
{
    private readonly X509Certificate2Collection chain;

    /// <summary>Takes over a certificate with its key and the issuers' certificates.</summary>
    public Svid(SpiffeId id, X509Certificate2 leaf, X509Certificate2Collection issuers)
    {
        Id = id;
        Leaf = leaf;
        chain = issuers;

        // Offline: the chain is what sentry sent, nothing is looked up for it.
        Context = SslStreamCertificateContext.Create(leaf, issuers, offline: true);
    }

    /// <summary>The identity.</summary>
    public SpiffeId Id { get; }

    /// <summary>The certificate with its key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The certificates between the leaf and an anchor.</summary>
    public X509Certificate2Collection Issuers => chain;

    /// <summary>What a handshake presents.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Begin of its life, the allowed clock skew before its issue.</summary>
    public DateTimeOffset NotBefore => new(Leaf.NotBefore.ToUniversalTime());

    /// <summary>End of its life.</summary>
    public DateTimeOffset NotAfter => new(Leaf.NotAfter.ToUniversalTime());

    /// <summary>The JWT for the trust domain and all audiences that were asked for, or <see langword="null"/>.</summary>
    public string? Jwt { get; init; }

    /// <summary>A JWT for each audience alone.</summary>
    public IReadOnlyDictionary<string, string> JwtByAudience { get; init; } = new Dictionary<string, string>();

    /// <summary>When the JWT ends, if there is one.</summary>
    public DateTimeOffset? JwtNotAfter { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Leaf.Dispose();
        foreach (var certificate in chain)
        {
            certificate.Dispose();
        }
    }
}
