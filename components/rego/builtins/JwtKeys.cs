using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Components.Rego;

/// <summary>Public keys that a policy verifies tokens with: a certificate or key in PEM, a JSON web key, or a set of such.</summary>
internal static class JwtKeys
{
    /// <summary>Whether one of the keys made a token's signature.</summary>
    /// <param name="keys">The keys as text.</param>
    /// <param name="token">The token.</param>
    /// <param name="algorithm">The algorithm, such as <c>RS256</c>.</param>
    /// <returns>The answer, or <see langword="null"/> when the text holds no key.</returns>
    public static bool? Verify(string keys, Jwt token, string algorithm)
    {
        try
        {
            return keys.TrimStart().StartsWith('{') ? VerifyWithWebKeys(keys, token, algorithm) : VerifyWithPem(keys, token, algorithm);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The digest that an algorithm's name tells; <see langword="null"/> for an unknown algorithm.</summary>
    public static HashAlgorithmName? Digest(string algorithm) => algorithm switch
    {
        ['H' or 'R' or 'E' or 'P', 'S', '2', '5', '6'] => HashAlgorithmName.SHA256,
        ['H' or 'R' or 'E' or 'P', 'S', '3', '8', '4'] => HashAlgorithmName.SHA384,
        ['H' or 'R' or 'E' or 'P', 'S', '5', '1', '2'] => HashAlgorithmName.SHA512,
        _ => null,
    };

    private static bool? VerifyWithPem(string pem, Jwt token, string algorithm)
    {
        var found = PemEncoding.Find(pem);
        var label = pem[found.Label];
        if (!string.IsNullOrWhiteSpace(pem[found.Location.End..]))
        {
            return null;
        }

        if (label == "CERTIFICATE")
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            using var rsa = certificate.GetRSAPublicKey();
            using var ec = certificate.GetECDsaPublicKey();
            return rsa is not null ? Verify(rsa, token, algorithm) : ec is not null ? Verify(ec, token, algorithm) : null;
        }

        if (label is not ("PUBLIC KEY" or "RSA PUBLIC KEY"))
        {
            return null;
        }

        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return Verify(rsa, token, algorithm);
        }
        catch (CryptographicException)
        {
            using var ec = ECDsa.Create();
            ec.ImportFromPem(pem);
            return Verify(ec, token, algorithm);
        }
    }

    private static bool? VerifyWithWebKeys(string text, Jwt token, string algorithm)
    {
        if (RegoJson.TryRead(text) is not RegoObject root)
        {
            return null;
        }

        RegoValue[] keys = root.Get("keys") is RegoArray set ? set.Items : [root];
        if (keys.Length == 0 || !Array.TrueForAll(keys, k => k is RegoObject key && IsWebKey(key)))
        {
            return null;
        }

        foreach (var key in keys.OfType<RegoObject>())
        {
            var fits = (token.KeyId is null || Text(key, "kid") is not { } id || id == token.KeyId)
                && (Text(key, "alg") is not { } only || only == algorithm);
            if (fits && VerifyWithWebKey(key, token, algorithm))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsWebKey(RegoObject key) => Text(key, "kty") switch
    {
        "RSA" => Bytes(key, "n") is not null && Bytes(key, "e") is not null,
        "EC" => Bytes(key, "x") is not null && Bytes(key, "y") is not null,
        "oct" => Bytes(key, "k") is not null,
        "OKP" => Bytes(key, "x") is not null,
        _ => false,
    };

    private static bool VerifyWithWebKey(RegoObject key, Jwt token, string algorithm)
    {
        switch (Text(key, "kty"))
        {
            case "RSA" when Bytes(key, "n") is { } modulus && Bytes(key, "e") is { } exponent:
                using (var rsa = RSA.Create(new RSAParameters { Modulus = modulus, Exponent = exponent }))
                {
                    return Verify(rsa, token, algorithm);
                }

            case "EC" when Bytes(key, "x") is { } x && Bytes(key, "y") is { } y && Curve(Text(key, "crv")) is { } curve:
                using (var ec = ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = x, Y = y } }))
                {
                    return Verify(ec, token, algorithm);
                }

            case "oct" when Bytes(key, "k") is { } secret:
                return VerifySecret(secret, token, algorithm);
            default:
                return false;
        }
    }

    /// <summary>Whether a shared secret made a token's signature.</summary>
    public static bool VerifySecret(byte[] secret, Jwt token, string algorithm)
        => algorithm.StartsWith('H') && CryptographicOperations.FixedTimeEquals(
            token.Signature,
            algorithm switch
            {
                "HS256" => HMACSHA256.HashData(secret, token.Signed),
                "HS384" => HMACSHA384.HashData(secret, token.Signed),
                "HS512" => HMACSHA512.HashData(secret, token.Signed),
                _ => [],
            });

    private static bool Verify(RSA key, Jwt token, string algorithm)
        => algorithm[0] is 'R' or 'P' && Digest(algorithm) is { } digest
            && key.VerifyData(token.Signed, token.Signature, digest, algorithm[0] == 'R' ? RSASignaturePadding.Pkcs1 : RSASignaturePadding.Pss);

    private static bool Verify(ECDsa key, Jwt token, string algorithm)
        => algorithm[0] == 'E' && Digest(algorithm) is { } digest && key.VerifyData(token.Signed, token.Signature, digest);

    private static ECCurve? Curve(string? name) => name switch
    {
        "P-256" => ECCurve.NamedCurves.nistP256,
        "P-384" => ECCurve.NamedCurves.nistP384,
        "P-521" => ECCurve.NamedCurves.nistP521,
        _ => null,
    };

    private static string? Text(RegoObject key, string field) => (key.Get(field) as RegoString)?.Value;

    private static byte[]? Bytes(RegoObject key, string field) => Text(key, field) is { } text ? EncodingFunctions.FromBase64Url(text) : null;
}
