using System.Security.Cryptography;
using DaprK8s.Sentry.Ca;

namespace DaprK8s.Sentry.Jwt;

/// <summary>The signature algorithms of JWTs (RFC 7518, 8037) and the keys that they need (contract: security 1.14).</summary>
internal static class JwtAlgorithm
{
    private const int RsaBits = 2048;

    /// <summary>Checks that a key is good for an algorithm.</summary>
    /// <exception cref="CaBundleException">It is not, or the algorithm is unknown.</exception>
    public static void Check(string algorithm, PrivateKey key)
    {
        switch (algorithm)
        {
            case "RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512":
                _ = key.Rsa ?? throw new CaBundleException($"{algorithm} algorithm requires an RSA key, but got {Describe(key)}");
                break;
            case "ES256" or "ES384" or "ES512":
                var ec = key.Ec ?? throw new CaBundleException($"ECDSA algorithm {algorithm} requires an ECDSA key, but got {Describe(key)}");
                var size = algorithm switch { "ES256" => 256, "ES384" => 384, _ => 521 };
                if (ec.KeySize != size)
                {
                    throw new CaBundleException($"{algorithm} requires a P-{size} curve, got P-{ec.KeySize}");
                }

                break;
            case "EdDSA":
                _ = key.IsEd25519 ? key : throw new CaBundleException($"EdDSA algorithm requires an Ed25519 key, but got {Describe(key)}");
                break;
            default:
                throw Unsupported(algorithm);
        }
    }

    /// <summary>Generates a key for an algorithm.</summary>
    /// <exception cref="CaBundleException">The algorithm is unknown.</exception>
    public static PrivateKey Generate(string algorithm)
        => algorithm switch
        {
            "RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512" => PrivateKey.CreateRsa(RsaBits),
            "ES256" => PrivateKey.CreateEcdsa(),
            "ES384" => PrivateKey.CreateEcdsa(ECCurve.NamedCurves.nistP384),
            "ES512" => PrivateKey.CreateEcdsa(ECCurve.NamedCurves.nistP521),
            "EdDSA" => PrivateKey.CreateEd25519(),
            _ => throw Unsupported(algorithm),
        };

    /// <summary>Signs as JWS wants it: ECDSA as two numbers of fixed length.</summary>
    public static byte[] Sign(string algorithm, PrivateKey key, ReadOnlySpan<byte> data)
    {
        if (key.IsEd25519)
        {
            return key.Sign(data);
        }

        var hash = algorithm[2..] switch { "256" => HashAlgorithmName.SHA256, "384" => HashAlgorithmName.SHA384, _ => HashAlgorithmName.SHA512 };
        return key.Ec is { } ec
            ? ec.SignData(data, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
            : key.Rsa!.SignData(data, hash, algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
    }

    private static CaBundleException Unsupported(string algorithm) => new($"unsupported signature algorithm: {algorithm}");

    private static string Describe(PrivateKey key) => key.Rsa is not null ? "an RSA key" : key.Ec is not null ? "an ECDSA key" : "an Ed25519 key";
}
