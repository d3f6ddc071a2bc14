using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Common.Identity;

/// <summary>What a peer's certificate says of its owner. Only looked at after its chain was verified.</summary>
public static class PeerCertificate
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private const int UriTag = 6;

    /// <summary>The one URI of a leaf certificate.</summary>
    /// <exception cref="IdentityException">It is an authority's certificate, may not sign, or has no URI or several (X509-SVID standard, 2 and 5.2).</exception>
    public static string UriOf(X509Certificate2 certificate)
    {
        string? uri = null;
        foreach (var extension in certificate.Extensions)
        {
            switch (extension)
            {
                case X509BasicConstraintsExtension { CertificateAuthority: true }:
                    throw new IdentityException("the certificate of an authority is no identity");
                case X509KeyUsageExtension { KeyUsages: var usages } when (usages & (X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign)) != 0:
                    throw new IdentityException("a certificate that may sign certificates is no identity");
                case X509KeyUsageExtension { KeyUsages: var usages } when (usages & X509KeyUsageFlags.DigitalSignature) == 0:
                    throw new IdentityException("the certificate's key may not be used for signatures");
            }

            if (extension.Oid?.Value == SubjectAlternativeName)
            {
                uri = ReadUri(extension.RawData, uri);
            }
        }

        return uri ?? throw new IdentityException("the certificate names no SPIFFE ID");
    }

    /// <summary>The identity in a certificate's URI, or <see langword="null"/> when the URI is none of Dapr's form.</summary>
    /// <exception cref="IdentityException">The certificate is no leaf with one URI.</exception>
    public static SpiffeId? IdOf(X509Certificate2 certificate) => SpiffeId.TryParse(UriOf(certificate), out var id) ? id : null;

    private static string ReadUri(byte[] extension, string? found)
    {
        try
        {
            var names = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                var tag = names.PeekTag();
                if (tag is not { TagClass: TagClass.ContextSpecific, TagValue: UriTag })
                {
                    names.ReadEncodedValue();
                    continue;
                }

                var uri = names.ReadCharacterString(UniversalTagNumber.IA5String, tag);
                found = found is null ? uri : throw new IdentityException("the certificate names several URIs");
            }

            return found ?? throw new IdentityException("the certificate names no SPIFFE ID");
        }
        catch (AsnContentException e)
        {
            throw new IdentityException("the certificate's names can't be read", e);
        }
    }
}
