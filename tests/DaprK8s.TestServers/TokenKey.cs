using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Security;

namespace DaprK8s.TestServers;

/// <summary>A signing key of an issuer of tokens: its public half as JWK, and tokens signed with the private one.</summary>
public sealed class TokenKey
{
    private readonly Func<byte[], byte[]> sign;

    private TokenKey(string keyId, string algorithm, JsonObject jwk, Func<byte[], byte[]> sign)
    {
        KeyId = keyId;
        Algorithm = algorithm;
        Jwk = jwk;
        jwk["kid"] = keyId;
        this.sign = sign;
    }

    public string KeyId { get; }

    public string Algorithm { get; }

    /// <summary>The public key, without <c>alg</c> and <c>use</c>.</summary>
    public JsonObject Jwk { get; }

    /// <summary>The key set that holds just these keys.</summary>
    public static byte[] Set(params TokenKey[] keys)
        => Encoding.UTF8.GetBytes(new JsonObject { ["keys"] = new JsonArray([.. keys.Select(k => k.Jwk.DeepClone())]) }.ToJsonString());

    public static TokenKey Create(string keyId, string algorithm, int rsaBits = 2048)
        => algorithm switch
        {
            "EdDSA" => Ed25519(keyId),
            ['E', ..] => Ec(keyId, algorithm),
            _ => Rsa(keyId, algorithm, rsaBits),
        };

    /// <summary>A token with this key's <c>alg</c> and <c>kid</c>, and the header's and payload's further members.</summary>
    public string Sign(JsonObject payload, JsonObject? header = null)
    {
        var head = new JsonObject { ["alg"] = Algorithm, ["kid"] = KeyId, ["typ"] = "JWT" };
        foreach (var (name, value) in header ?? [])
        {
            head[name] = value?.DeepClone();
        }

        return Sign(head.ToJsonString(), payload.ToJsonString());
    }

    /// <summary>A token of exactly this header and payload.</summary>
    public string Sign(string header, string payload)
    {
        var text = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(payload))}";
        return $"{text}.{Encode(sign(Encoding.ASCII.GetBytes(text)))}";
    }

    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    private static TokenKey Rsa(string keyId, string algorithm, int bits)
    {
        var rsa = RSA.Create(bits);
        var p = rsa.ExportParameters(false);
        var padding = algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        return new TokenKey(
            keyId, algorithm, new JsonObject { ["kty"] = "RSA", ["n"] = Encode(p.Modulus), ["e"] = Encode(p.Exponent) },
            data => rsa.SignData(data, Hash(algorithm), padding));
    }

    private static TokenKey Ec(string keyId, string algorithm)
    {
        var (name, curve) = algorithm switch
        {
            "ES256" => ("P-256", ECCurve.NamedCurves.nistP256),
            "ES384" => ("P-384", ECCurve.NamedCurves.nistP384),
            _ => ("P-521", ECCurve.NamedCurves.nistP521),
        };
        var ecdsa = ECDsa.Create(curve);
        var point = ecdsa.ExportParameters(false).Q;
        return new TokenKey(
            keyId, algorithm, new JsonObject { ["kty"] = "EC", ["crv"] = name, ["x"] = Encode(point.X), ["y"] = Encode(point.Y) },
            data => ecdsa.SignData(data, Hash(algorithm)));
    }

    private static TokenKey Ed25519(string keyId)
    {
        var key = new Ed25519PrivateKeyParameters(new SecureRandom());
        return new TokenKey(
            keyId, "EdDSA", new JsonObject { ["kty"] = "OKP", ["crv"] = "Ed25519", ["x"] = Encode(key.GeneratePublicKey().GetEncoded()) },
            data =>
            {
                var signer = new Ed25519Signer();
                signer.Init(true, key);
                signer.BlockUpdate(data, 0, data.Length);
                return signer.GenerateSignature();
            });
    }

    private static HashAlgorithmName Hash(string algorithm)
        => algorithm.AsSpan(2) switch
        {
            "256" => HashAlgorithmName.SHA256,
            "384" => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };
}
