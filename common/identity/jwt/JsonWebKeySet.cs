using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>
/// The public keys of an issuer, as it publishes them (RFC 7517). Immutable; a refresh replaces the set. Keys of unknown type, for
/// encryption, symmetric, too weak or ill-formed are left out: the rest of the set goes on working.
/// </summary>
public sealed class JsonWebKeySet
{
    /// <summary>A document of more bytes is refused.</summary>
    public const int MaxBytes = 1024 * 1024;

    private const int MaxKeys = 256;

    private readonly JsonWebKey[] keys;

    private JsonWebKeySet(JsonWebKey[] keys) => this.keys = keys;

    /// <summary>The usable keys, in the document's order.</summary>
    public IReadOnlyList<JsonWebKey> Keys => keys;

    /// <summary>Reads a set, or a single key, which is then the set's only one.</summary>
    /// <param name="json">The document, UTF-8.</param>
    /// <exception cref="JwtException">It is no key set.</exception>
    public static JsonWebKeySet Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > MaxBytes)
        {
            throw new JwtException($"the key set is larger than {MaxBytes} bytes");
        }

        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            if (reader.Read() || root.ValueKind != JsonValueKind.Object)
            {
                throw new JwtException("the key set is no JSON object");
            }

            if (root.TryGetProperty("keys", out var list))
            {
                return list.ValueKind == JsonValueKind.Array && list.GetArrayLength() <= MaxKeys
                    ? new JsonWebKeySet([.. list.EnumerateArray().Select(Read).OfType<JsonWebKey>()])
                    : throw new JwtException($"\"keys\" of the key set is no list of at most {MaxKeys} keys");
            }

            return root.TryGetProperty("kty", out _)
                ? new JsonWebKeySet([.. new[] { Read(root) }.OfType<JsonWebKey>()])
                : throw new JwtException("the key set has no \"keys\"");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new JwtException("the key set is no JSON", e);
        }
    }

    /// <summary>The key that a <c>kid</c> names.</summary>
    public JsonWebKey? Find(string keyId) => keyId.Length == 0 ? null : Array.Find(keys, k => k.KeyId == keyId);

    // Issuers may give several keys of different types one kid; the algorithm then decides.
    internal bool Verify(string keyId, string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        foreach (var key in keys)
        {
            if (keyId.Length > 0 && key.KeyId == keyId && key.Verify(algorithm, data, signature))
            {
                return true;
            }
        }

        return false;
    }

    private static JsonWebKey? Read(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.Object || Text(key, "use") is not (null or "sig") || !MayVerify(key))
        {
            return null;
        }

        var (id, algorithm) = (Text(key, "kid") ?? "", Text(key, "alg"));
        try
        {
            return Text(key, "kty") switch
            {
                "RSA" => new RsaWebKey(id, algorithm, new RSAParameters { Modulus = Bytes(key, "n"), Exponent = Bytes(key, "e") }),
                "EC" => EcWebKey.Create(id, algorithm, Text(key, "crv") ?? "", Bytes(key, "x"), Bytes(key, "y")),
                "OKP" when Text(key, "crv") == "Ed25519" => new Ed25519WebKey(id, algorithm, Bytes(key, "x")),
                _ => null,
            };
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    private static bool MayVerify(JsonElement key)
        => !key.TryGetProperty("key_ops", out var operations)
            || (operations.ValueKind == JsonValueKind.Array
                && operations.EnumerateArray().Any(o => o.ValueKind == JsonValueKind.String && o.ValueEquals("verify")));

    private static string? Text(JsonElement key, string name)
        => !key.TryGetProperty(name, out var value) ? null : value.ValueKind == JsonValueKind.String ? value.GetString() : "";

    private static byte[] Bytes(JsonElement key, string name) => Base64Url.DecodeFromChars(Text(key, name) ?? "");
}
