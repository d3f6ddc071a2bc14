using System.Formats.Asn1;
using System.Security.Cryptography;
using Ed25519 = Org.BouncyCastle.Math.EC.Rfc8032.Ed25519;

namespace DaprK8s.Sentry.Ca;

/// <summary>A public key that signatures are checked with: RSA, ECDSA on the NIST curves, or Ed25519.</summary>
internal sealed class PublicKey : IDisposable
{
    // Verification time grows with the key; a request must not be able to buy much of it.
    private const int MinRsaBits = 1024;
    private const int MaxRsaBits = 8192;

    private readonly RSA? rsa;
    private readonly ECDsa? ec;
    private readonly byte[]? ed25519;

    private PublicKey(RSA? rsa, ECDsa? ec, byte[]? ed25519) => (this.rsa, this.ec, this.ed25519) = (rsa, ec, ed25519);

    /// <summary>Reads a SubjectPublicKeyInfo.</summary>
    /// <exception cref="AsnContentException">It is malformed.</exception>
    /// <exception cref="CryptographicException">It is no key of a kind that is known.</exception>
    public static PublicKey Read(ReadOnlyMemory<byte> info)
    {
        var outer = new AsnReader(info, AsnEncodingRules.DER);
        var sequence = outer.ReadSequence();
        outer.ThrowIfNotEmpty();
        var algorithm = sequence.ReadSequence();
        var bits = sequence.ReadBitString(out _);
        sequence.ThrowIfNotEmpty();
        var oid = algorithm.ReadObjectIdentifier();
        switch (oid)
        {
            case Oids.Rsa:
                return new PublicKey(ReadRsa(info.Span), null, null);
            case Oids.Ec when algorithm.HasData && algorithm.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier)
                && algorithm.ReadObjectIdentifier() is Oids.P256 or Oids.P384 or Oids.P521:
                var ec = ECDsa.Create();
                try
                {
                    ec.ImportSubjectPublicKeyInfo(info.Span, out _);
                }
                catch
                {
                    ec.Dispose();
                    throw;
                }

                return new PublicKey(null, ec, null);
            case Oids.Ed25519 when bits.Length == Ed25519.PublicKeySize && !algorithm.HasData && Ed25519.ValidatePublicKeyFull(bits, 0):
                return new PublicKey(null, null, bits);
            default:
                throw new CryptographicException($"unsupported public key algorithm {oid}");
        }
    }

    /// <summary>Whether this key made a structure's signature.</summary>
    /// <exception cref="AsnContentException">The algorithm is malformed.</exception>
    public bool Verify(SignedStructure signed)
    {
        var algorithm = new AsnReader(signed.Algorithm, AsnEncodingRules.DER).ReadSequence();
        var oid = algorithm.ReadObjectIdentifier();
        var data = signed.ToBeSigned.Span;
        var signature = signed.Signature.Span;
        if (ed25519 is not null)
        {
            return oid == Oids.Ed25519 && signature.Length == Ed25519.SignatureSize
                && Ed25519.Verify(signature.ToArray(), 0, ed25519, 0, data.ToArray(), 0, data.Length);
        }

        if (ec is not null)
        {
            return EcdsaHash(oid) is { } hash && ec.VerifyData(data, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
        }

        return oid == Oids.RsaPss
            ? PssHash(algorithm) is { } pss && rsa!.VerifyData(data, signature, pss, RSASignaturePadding.Pss)
            : RsaHash(oid) is { } pkcs1 && rsa!.VerifyData(data, signature, pkcs1, RSASignaturePadding.Pkcs1);
    }

    public void Dispose()
    {
        rsa?.Dispose();
        ec?.Dispose();
    }

    private static RSA ReadRsa(ReadOnlySpan<byte> info)
    {
        var rsa = RSA.Create();
        try
        {
            rsa.ImportSubjectPublicKeyInfo(info, out _);
            return rsa.KeySize is >= MinRsaBits and <= MaxRsaBits
                ? rsa
                : throw new CryptographicException($"RSA keys of {rsa.KeySize} bits are not accepted");
        }
        catch
        {
            rsa.Dispose();
            throw;
        }
    }

    // SHA-1 and older can be forged and count as no signature.
    private static HashAlgorithmName? EcdsaHash(string oid)
        => oid switch
        {
            Oids.EcdsaSha256 => HashAlgorithmName.SHA256,
            Oids.EcdsaSha384 => HashAlgorithmName.SHA384,
            Oids.EcdsaSha512 => HashAlgorithmName.SHA512,
            _ => null,
        };

    private static HashAlgorithmName? RsaHash(string oid)
        => oid switch
        {
            Oids.RsaSha256 => HashAlgorithmName.SHA256,
            Oids.RsaSha384 => HashAlgorithmName.SHA384,
            Oids.RsaSha512 => HashAlgorithmName.SHA512,
            _ => null,
        };

    // RSASSA-PSS-params; the hash decides, salt length and mask follow from it in what is accepted (RFC 4055, 3.1).
    private static HashAlgorithmName? PssHash(AsnReader algorithm)
    {
        var parameters = algorithm.ReadSequence();
        var tag = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
        if (!parameters.HasData || parameters.PeekTag() != tag)
        {
            return null;
        }

        return parameters.ReadSequence(tag).ReadSequence().ReadObjectIdentifier() switch
        {
            Oids.Sha256 => HashAlgorithmName.SHA256,
            Oids.Sha384 => HashAlgorithmName.SHA384,
            Oids.Sha512 => HashAlgorithmName.SHA512,
            _ => null,
        };
    }
}
