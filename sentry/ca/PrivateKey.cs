using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using Ed25519 = Org.BouncyCastle.Math.EC.Rfc8032.Ed25519;

namespace DaprK8s.Sentry.Ca;

/// <summary>A private key can't be read; the message never holds any of it.</summary>
internal sealed class PrivateKeyException(string message) : Exception(message);

/// <summary>
/// A private key that signs certificates or JWTs: RSA, ECDSA on the NIST curves, or Ed25519. The platform has no Ed25519, for which
/// BouncyCastle does the arithmetic. Safe for use by several threads at once.
/// </summary>
internal sealed class PrivateKey : IDisposable
{
    private readonly byte[]? seed;

    private PrivateKey(RSA rsa)
    {
        Rsa = rsa;
        PublicKeyInfo = rsa.ExportSubjectPublicKeyInfo();
        SignatureAlgorithm = Algorithm(Oids.RsaSha256, withNull: true);
    }

    private PrivateKey(ECDsa ec)
    {
        Ec = ec;
        PublicKeyInfo = ec.ExportSubjectPublicKeyInfo();
        SignatureAlgorithm = Algorithm(
            ec.KeySize switch { > 384 => Oids.EcdsaSha512, > 256 => Oids.EcdsaSha384, _ => Oids.EcdsaSha256 }, withNull: false);
    }

    private PrivateKey(byte[] seed)
    {
        this.seed = seed;
        var point = new byte[Ed25519.PublicKeySize];
        Ed25519.GeneratePublicKey(seed, 0, point, 0);
        Ed25519Point = point;
        SignatureAlgorithm = Algorithm(Oids.Ed25519, withNull: false);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(SignatureAlgorithm.Span);
            writer.WriteBitString(point);
        }

        PublicKeyInfo = writer.Encode();
    }

    /// <summary>The key when it is an RSA key.</summary>
    public RSA? Rsa { get; }

    /// <summary>The key when it is an ECDSA key.</summary>
    public ECDsa? Ec { get; }

    /// <summary>Whether it is an Ed25519 key.</summary>
    public bool IsEd25519 => seed is not null;

    /// <summary>The public point of an Ed25519 key.</summary>
    public ReadOnlyMemory<byte> Ed25519Point { get; }

    /// <summary>SubjectPublicKeyInfo in DER.</summary>
    public ReadOnlyMemory<byte> PublicKeyInfo { get; }

    /// <summary>AlgorithmIdentifier of <see cref="Sign"/>'s signatures in DER.</summary>
    public ReadOnlyMemory<byte> SignatureAlgorithm { get; }

    /// <summary>A new ECDSA P-256 key.</summary>
    public static PrivateKey CreateEcdsa() => CreateEcdsa(ECCurve.NamedCurves.nistP256);

    /// <summary>A new ECDSA key on a curve.</summary>
    public static PrivateKey CreateEcdsa(ECCurve curve) => new(ECDsa.Create(curve));

    /// <summary>A new Ed25519 key.</summary>
    public static PrivateKey CreateEd25519() => new(RandomNumberGenerator.GetBytes(Ed25519.SecretKeySize));

    /// <summary>A new RSA key.</summary>
    public static PrivateKey CreateRsa(int bits) => new(RSA.Create(bits));

    /// <summary>Reads the first PEM block: <c>PRIVATE KEY</c> (PKCS#8), <c>EC PRIVATE KEY</c> or <c>RSA PRIVATE KEY</c>.</summary>
    /// <exception cref="PrivateKeyException">There is no such block, or its content is not a key.</exception>
    public static PrivateKey ReadPem(ReadOnlySpan<byte> pem)
    {
        // EC parameters may come first in files that OpenSSL wrote.
        var text = Encoding.Latin1.GetString(pem).AsSpan();
        PemFields fields;
        do
        {
            if (!PemEncoding.TryFind(text, out fields))
            {
                throw new PrivateKeyException("key is not PEM encoded");
            }

            if (text[fields.Label] is not "EC PARAMETERS")
            {
                break;
            }

            text = text[fields.Location.End..];
        }
        while (true);

        var label = text[fields.Label].ToString();
        if (label is not ("PRIVATE KEY" or "EC PRIVATE KEY" or "RSA PRIVATE KEY"))
        {
            throw new PrivateKeyException($"unsupported block type {label}");
        }

        var der = Convert.FromBase64String(text[fields.Base64Data].ToString());
        try
        {
            return label switch
            {
                "EC PRIVATE KEY" => ReadEc(der, static (ec, bytes) => ec.ImportECPrivateKey(bytes, out _)),
                "RSA PRIVATE KEY" => ReadRsa(der, static (rsa, bytes) => rsa.ImportRSAPrivateKey(bytes, out _)),
                _ => ReadPkcs8(der),
            };
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            throw new PrivateKeyException($"the {label} block can't be read as a key");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    /// <summary>The key as a PKCS#8 PEM block.</summary>
    public byte[] WritePem()
    {
        var der = Rsa?.ExportPkcs8PrivateKey() ?? Ec?.ExportPkcs8PrivateKey() ?? WriteEd25519();
        var pem = PemEncoding.WriteUtf8("PRIVATE KEY"u8, der);
        CryptographicOperations.ZeroMemory(der);
        return [.. pem, (byte)'\n'];
    }

    /// <summary>Signs, in the form that X.509 wants.</summary>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        if (seed is not null)
        {
            var signature = new byte[Ed25519.SignatureSize];
            Ed25519.Sign(seed, 0, data.ToArray(), 0, data.Length, signature, 0);
            return signature;
        }

        if (Ec is not null)
        {
            var hash = Ec.KeySize switch { > 384 => HashAlgorithmName.SHA512, > 256 => HashAlgorithmName.SHA384, _ => HashAlgorithmName.SHA256 };
            return Ec.SignData(data, hash, DSASignatureFormat.Rfc3279DerSequence);
        }

        return Rsa!.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    public void Dispose()
    {
        Rsa?.Dispose();
        Ec?.Dispose();
        CryptographicOperations.ZeroMemory(seed);
    }

    private static PrivateKey ReadPkcs8(byte[] der)
    {
        var info = new AsnReader(der, AsnEncodingRules.BER).ReadSequence();
        info.ReadInteger();
        switch (info.ReadSequence().ReadObjectIdentifier())
        {
            case Oids.Rsa:
                return ReadRsa(der, static (rsa, bytes) => rsa.ImportPkcs8PrivateKey(bytes, out _));
            case Oids.Ec:
                return ReadEc(der, static (ec, bytes) => ec.ImportPkcs8PrivateKey(bytes, out _));
            case Oids.Ed25519:
                var seed = new AsnReader(info.ReadOctetString(), AsnEncodingRules.BER).ReadOctetString();
                return seed.Length == Ed25519.SecretKeySize ? new PrivateKey(seed) : throw new CryptographicException();
            default:
                throw new CryptographicException();
        }
    }

    private static PrivateKey ReadEc(byte[] der, Action<ECDsa, byte[]> import)
    {
        var ec = ECDsa.Create();
        try
        {
            import(ec, der);
            return new PrivateKey(ec);
        }
        catch
        {
            ec.Dispose();
            throw;
        }
    }

    private static PrivateKey ReadRsa(byte[] der, Action<RSA, byte[]> import)
    {
        var rsa = RSA.Create();
        try
        {
            import(rsa, der);
            return new PrivateKey(rsa);
        }
        catch
        {
            rsa.Dispose();
            throw;
        }
    }

    private byte[] WriteEd25519()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(0);
            writer.WriteEncodedValue(SignatureAlgorithm.Span);
            using (writer.PushOctetString())
            {
                writer.WriteOctetString(seed);
            }
        }

        return writer.Encode();
    }

    private static byte[] Algorithm(string oid, bool withNull)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            if (withNull)
            {
                writer.WriteNull();
            }
        }

        return writer.Encode();
    }
}
