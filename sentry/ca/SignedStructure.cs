using System.Formats.Asn1;

namespace DaprK8s.Sentry.Ca;

/// <summary>The common shape of certificates and signing requests: a part that is signed, an algorithm and a signature.</summary>
internal readonly record struct SignedStructure(ReadOnlyMemory<byte> ToBeSigned, ReadOnlyMemory<byte> Algorithm, ReadOnlyMemory<byte> Signature)
{
    /// <summary>Reads one in DER; nothing may follow it.</summary>
    /// <exception cref="AsnContentException">The bytes are something else.</exception>
    public static SignedStructure Read(ReadOnlyMemory<byte> der)
    {
        var reader = new AsnReader(der, AsnEncodingRules.DER);
        var outer = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        var structure = new SignedStructure(
            outer.ReadEncodedValue(), outer.ReadEncodedValue(), outer.ReadBitString(out var unused));
        outer.ThrowIfNotEmpty();
        return unused == 0 ? structure : throw new AsnContentException("the signature is no whole number of bytes");
    }

    /// <summary>Whether the key (a SubjectPublicKeyInfo in DER) made the signature. Anything malformed or unknown is a no.</summary>
    public bool IsSignedBy(ReadOnlyMemory<byte> publicKeyInfo)
    {
        try
        {
            using var key = PublicKey.Read(publicKeyInfo);
            return key.Verify(this);
        }
        catch (Exception e) when (e is AsnContentException or System.Security.Cryptography.CryptographicException)
        {
            return false;
        }
    }
}
