using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity;

namespace DaprK8s.Sentry.Ca;

/// <summary>What a certificate is to say.</summary>
/// <param name="Id">The identity.</param>
/// <param name="PublicKeyInfo">The workload's key, SubjectPublicKeyInfo in DER.</param>
/// <param name="DnsNames">Names beside the identity; nearly always none.</param>
/// <param name="ContainerImages">JSON of the container-image extension; empty for none.</param>
internal sealed record CertificateContent(
    SpiffeId Id, ReadOnlyMemory<byte> PublicKeyInfo, IReadOnlyList<string> DnsNames, ReadOnlyMemory<byte> ContainerImages = default);

/// <summary>A workload certificate.</summary>
/// <param name="Der">The certificate itself.</param>
/// <param name="NotAfter">The end of its life.</param>
internal readonly record struct IssuedCertificate(byte[] Der, DateTimeOffset NotAfter);

/// <summary>
/// Writes and signs workload certificates of the profile (contract: security 1.9). All that doesn't change from one to the next is
/// encoded once; the rest is written straight as DER, which leaves the signature as the cost of a certificate.
/// </summary>
internal sealed class CertificateIssuer
{
    private const int SerialBytes = 16;

    private static readonly byte[] UsageExtensions = EncodeUsage();

    private readonly Issuer issuer;
    private readonly byte[] authorityKey;
    private readonly TimeSpan lifetime;
    private readonly TimeSpan clockSkew;

    public CertificateIssuer(Issuer issuer, TimeSpan lifetime, TimeSpan clockSkew)
    {
        this.issuer = issuer;
        this.lifetime = lifetime;
        this.clockSkew = clockSkew;
        authorityKey = EncodeAuthorityKey(issuer.Certificate);
        ChainPem = CertificateList.Write(issuer.Chain.Where(c => !c.IsSelfSigned()));
    }

    /// <summary>The issuers, PEM, to be put behind each certificate.</summary>
    public byte[] ChainPem { get; }

    /// <summary>Issues a certificate.</summary>
    public IssuedCertificate Issue(CertificateContent content, DateTimeOffset now)
    {
        var notAfter = new DateTimeOffset((now + lifetime).UtcTicks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero);
        var writer = new AsnWriter(AsnEncodingRules.DER, initialCapacity: 1024);
        WriteContent(writer, content, now - clockSkew, notAfter);
        var toBeSigned = writer.Encode();
        var signature = issuer.Key.Sign(toBeSigned);

        writer.Reset();
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(toBeSigned);
            writer.WriteEncodedValue(issuer.Key.SignatureAlgorithm.Span);
            writer.WriteBitString(signature);
        }

        return new IssuedCertificate(writer.Encode(), notAfter);
    }

    /// <summary>Issues a certificate as PEM, with the issuers behind it.</summary>
    public (byte[] Pem, DateTimeOffset NotAfter) IssuePem(CertificateContent content, DateTimeOffset now)
    {
        var issued = Issue(content, now);
        var leaf = PemEncoding.WriteUtf8("CERTIFICATE"u8, issued.Der);
        return ([.. leaf, (byte)'\n', .. ChainPem], issued.NotAfter);
    }

    private void WriteContent(AsnWriter writer, CertificateContent content, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        Span<byte> serial = stackalloc byte[SerialBytes];
        RandomNumberGenerator.Fill(serial);
        serial[0] |= 1; // DER wants no leading zero byte, and a serial number must not be zero.
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                writer.WriteInteger(2); // version 3
            }

            writer.WriteIntegerUnsigned(serial);
            writer.WriteEncodedValue(issuer.Key.SignatureAlgorithm.Span);
            writer.WriteEncodedValue(issuer.Certificate.SubjectName.RawData);
            using (writer.PushSequence())
            {
                WriteTime(writer, notBefore);
                WriteTime(writer, notAfter);
            }

            writer.PushSequence().Dispose(); // the subject is empty
            writer.WriteEncodedValue(content.PublicKeyInfo.Span);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 3)))
            using (writer.PushSequence())
            {
                WriteAll(writer, UsageExtensions);
                WriteAll(writer, authorityKey);
                WriteNames(writer, content);
                WriteContainerImages(writer, content.ContainerImages);
            }
        }
    }

    // Critical, as the subject is empty (RFC 5280, 4.2.1.6).
    private static void WriteNames(AsnWriter writer, CertificateContent content)
    {
        using var extension = writer.PushSequence();
        writer.WriteObjectIdentifier(Oids.SubjectAlternativeName);
        writer.WriteBoolean(true);
        using var value = writer.PushOctetString();
        using var names = writer.PushSequence();
        foreach (var name in content.DnsNames)
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
        }

        writer.WriteCharacterString(UniversalTagNumber.IA5String, content.Id.ToString(), new Asn1Tag(TagClass.ContextSpecific, 6));
    }

    private static void WriteContainerImages(AsnWriter writer, ReadOnlyMemory<byte> images)
    {
        if (images.IsEmpty)
        {
            return;
        }

        using var extension = writer.PushSequence();
        writer.WriteObjectIdentifier(Oids.ContainerImages);
        using var value = writer.PushOctetString();
        writer.WriteOctetString(images.Span);
    }

    private static void WriteTime(AsnWriter writer, DateTimeOffset time)
    {
        // RFC 5280, 4.1.2.5: two digits for the year through 2049.
        if (time.UtcDateTime.Year is >= 1950 and < 2050)
        {
            writer.WriteUtcTime(time);
        }
        else
        {
            writer.WriteGeneralizedTime(time, omitFractionalSeconds: true);
        }
    }

    private static byte[] EncodeUsage()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(Oids.KeyUsage);
                writer.WriteBoolean(true);
                using var value = writer.PushOctetString();
                writer.WriteBitString([0x80], unusedBitCount: 7); // digitalSignature
            }

            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(Oids.ExtendedKeyUsage);
                using var value = writer.PushOctetString();
                using var uses = writer.PushSequence();
                writer.WriteObjectIdentifier(Oids.ServerAuth);
                writer.WriteObjectIdentifier(Oids.ClientAuth);
            }
        }

        return writer.Encode();
    }

    private static byte[] EncodeAuthorityKey(X509Certificate2 issuer)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            if (issuer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } subjectKey)
            {
                using var extension = writer.PushSequence();
                writer.WriteObjectIdentifier(Oids.AuthorityKeyIdentifier);
                using var value = writer.PushOctetString();
                using var identifier = writer.PushSequence();
                writer.WriteOctetString(subjectKey.SubjectKeyIdentifierBytes.Span, new Asn1Tag(TagClass.ContextSpecific, 0));
            }
        }

        return writer.Encode();
    }

    // The prepared parts are sequences only so that they can be encoded; their content is what counts.
    private static void WriteAll(AsnWriter writer, byte[] sequence)
    {
        var reader = new AsnReader(sequence, AsnEncodingRules.DER).ReadSequence();
        while (reader.HasData)
        {
            writer.WriteEncodedValue(reader.ReadEncodedValue().Span);
        }
    }
}
