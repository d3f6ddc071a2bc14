using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace DaprK8s.Common.Identity;

/// <summary>
/// The certificates that every identity must chain to. One pool for all trust domains: there is no federation (contract: security 2.5).
/// </summary>
public sealed class TrustAnchors
{
    private readonly X509Certificate2Collection certificates;

    private TrustAnchors(X509Certificate2Collection certificates)
    {
        this.certificates = certificates;
        var pem = new StringBuilder();
        foreach (var certificate in certificates)
        {
            pem.Append(certificate.ExportCertificatePem()).Append('\n');
        }

        Pem = pem.ToString();
    }

    /// <summary>The anchors as PEM, without whatever stood between the blocks of the source.</summary>
    public string Pem { get; }

    /// <summary>The anchors. Not to be changed.</summary>
    public X509Certificate2Collection Certificates => certificates;

    /// <summary>Reads anchors from PEM text; text between blocks is ignored.</summary>
    /// <exception cref="IdentityException">There is no certificate, one can't be read, or one is not self-signed.</exception>
    public static TrustAnchors Parse(string pem)
    {
        var read = new X509Certificate2Collection();
        try
        {
            read.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new IdentityException($"trust anchors can't be read: {e.Message}", e);
        }

        if (read.Count == 0)
        {
            throw new IdentityException("trust anchors hold no certificate: expected PEM blocks of type CERTIFICATE");
        }

        foreach (var certificate in read)
        {
            if (!certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData))
            {
                throw new IdentityException("certificate in trust anchor is not self-signed: its issuer is another than its subject");
            }
        }

        return new TrustAnchors(read);
    }

    /// <summary>The anchors as the API server takes them in a <c>caBundle</c>: base64 of <see cref="Pem"/>.</summary>
    public string Bundle => Convert.ToBase64String(Encoding.ASCII.GetBytes(Pem));

    /// <summary>Whether a <c>caBundle</c> holds all of these; what can't be read holds none.</summary>
    public bool IsHeldBy(string bundle)
    {
        var held = new X509Certificate2Collection();
        try
        {
            held.ImportFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(bundle)));
            return certificates.All(mine => held.Any(h => h.RawDataMemory.Span.SequenceEqual(mine.RawDataMemory.Span)));
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return false;
        }
        finally
        {
            foreach (var certificate in held)
            {
                certificate.Dispose();
            }
        }
    }

    /// <summary>Whether these are the same certificates in the same order.</summary>
    public bool IsSameAs(TrustAnchors other) => Pem == other.Pem;

    /// <summary>How a peer's chain is to be judged: up to one of these, by nothing that the machine trusts besides, without going to the network.</summary>
    public X509ChainPolicy CreatePolicy(Oid usage)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(certificates);
        policy.ApplicationPolicy.Add(usage);
        return policy;
    }
}
