using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace DaprK8s.Sentry.Ca;

/// <summary>Certificates in PEM files: reading them in order, writing them, and the questions that a chain is asked.</summary>
internal static class CertificateList
{
    /// <summary>Reads all certificates of a PEM text. Other blocks and text between them are dropped.</summary>
    /// <exception cref="CaBundleException">A certificate is malformed, or there is none.</exception>
    public static IReadOnlyList<X509Certificate2> Read(ReadOnlySpan<byte> pem, string item)
    {
        var text = Encoding.Latin1.GetString(pem).AsSpan();
        List<X509Certificate2> list = [];
        while (PemEncoding.TryFind(text, out var fields))
        {
            if (text[fields.Label] is "CERTIFICATE")
            {
                try
                {
                    list.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(text[fields.Base64Data].ToString())));
                }
                catch (CryptographicException)
                {
                    throw new CaBundleException($"certificate {list.Count + 1} of {item} is malformed");
                }
            }

            text = text[fields.Location.End..];
        }

        return list.Count > 0 ? list : throw new CaBundleException($"no certificates found in {item}");
    }

    /// <summary>Writes certificates as PEM.</summary>
    public static byte[] Write(IEnumerable<X509Certificate2> certificates)
        => Encoding.ASCII.GetBytes(string.Concat(certificates.Select(c => c.ExportCertificatePem() + "\n")));

    /// <summary>Whether a certificate is its own issuer.</summary>
    public static bool IsSelfSigned(this X509Certificate2 certificate) => certificate.IsIssuedBy(certificate);

    /// <summary>Whether a certificate carries the name of another as its issuer's, and the other's key made its signature.</summary>
    public static bool IsIssuedBy(this X509Certificate2 certificate, X509Certificate2 issuer)
        => certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData)
            && SignedStructure.Read(certificate.RawDataMemory).IsSignedBy(issuer.PublicKey.ExportSubjectPublicKeyInfo());

    /// <summary>The start of a certificate's life.</summary>
    public static DateTimeOffset Starts(this X509Certificate2 certificate) => new(certificate.NotBefore.ToUniversalTime());

    /// <summary>The end of a certificate's life.</summary>
    public static DateTimeOffset Ends(this X509Certificate2 certificate) => new(certificate.NotAfter.ToUniversalTime());

    /// <summary>Whether two are the same, byte for byte.</summary>
    public static bool Is(this X509Certificate2 certificate, X509Certificate2 other)
        => certificate.RawDataMemory.Span.SequenceEqual(other.RawDataMemory.Span);

    /// <summary>How a certificate is named in messages: subject and the beginning of its SHA-256.</summary>
    public static string Describe(this X509Certificate2 certificate)
        => $"{certificate.Subject} (SHA-256 {Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span))[..16]}…, valid until {certificate.Ends():yyyy-MM-dd'T'HH:mm:ss'Z'})";
}
