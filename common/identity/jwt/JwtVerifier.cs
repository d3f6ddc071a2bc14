using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>
/// Checks signed tokens (JWS in its compact form, RFC 7515 and 7519) against the keys of an issuer: the key is the one that
/// <c>kid</c> names, the algorithm must be the key's, and keys or addresses of keys inside the token (<c>jwk</c>, <c>jku</c>,
/// <c>x5c</c>, <c>x5u</c>) are never looked at. The cryptography is .NET's, for Ed25519 BouncyCastle's.
/// </summary>
public static class JwtVerifier
{
    /// <summary>A token of more characters is refused unread.</summary>
    public const int MaxTokenLength = 64 * 1024;

    private const int MaxDepth = 32;

    private static readonly SearchValues<char> Alphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    // A name given twice could be read differently by whoever looks at the token next.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = MaxDepth };

    /// <summary>Verifies signature, times, issuer, subject and audience.</summary>
    /// <returns>What the token says.</returns>
    /// <exception cref="JwtException">
    /// It is refused: <c>could not verify message</c> for an unknown key or a wrong signature, otherwise a text naming the claim.
    /// </exception>
    public static JwtClaims Verify(ReadOnlySpan<char> token, JsonWebKeySet keys, JwtExpectations expectations)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(expectations);
        try
        {
            return Check(token, keys, expectations);
        }
        catch (InvalidOperationException e)
        {
            // JSON may escape halves of characters; they show when a text is taken out.
            throw new JwtException("the token holds a text that is no Unicode", e);
        }
    }

    private static JwtClaims Check(ReadOnlySpan<char> token, JsonWebKeySet keys, JwtExpectations expectations)
    {
        if (token.Length > MaxTokenLength)
        {
            throw new JwtException("the token is too long");
        }

        var headerEnd = token.IndexOf('.');
        var payloadEnd = token.LastIndexOf('.');
        if (headerEnd <= 0 || payloadEnd <= headerEnd + 1 || payloadEnd == token.Length - 1)
        {
            throw Malformed();
        }

        var (algorithm, keyId) = ReadHeader(Decode(token[..headerEnd]));
        var signature = Decode(token[(payloadEnd + 1)..]);
        var payload = Decode(token[(headerEnd + 1)..payloadEnd]);
        if (!IsSigned(token[..payloadEnd], signature, keys, algorithm, keyId))
        {
            throw new JwtException("could not verify message");
        }

        var claims = new JwtClaims(ReadObject(payload, "payload"));
        claims.Check(expectations);
        return claims;
    }

    private static bool IsSigned(ReadOnlySpan<char> signed, byte[] signature, JsonWebKeySet keys, string algorithm, string keyId)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(signed.Length);
        try
        {
            var length = Encoding.ASCII.GetBytes(signed, buffer);
            return keys.Verify(keyId, algorithm, buffer.AsSpan(0, length), signature);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static (string Algorithm, string KeyId) ReadHeader(byte[] json)
    {
        var header = ReadObject(json, "header");
        if (header.TryGetProperty("crit", out _))
        {
            throw new JwtException("the token's header demands extensions (\"crit\"), and none is supported");
        }

        return (Text("alg"), Text("kid"));

        string Text(string name)
            => header.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
    }

    private static JsonElement ReadObject(byte[] json, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new JwtException($"the token's {what} is no JSON object");
        }
        catch (JsonException e)
        {
            throw new JwtException($"the token's {what} is no JSON object", e);
        }
    }

    private static byte[] Decode(ReadOnlySpan<char> part)
    {
        // The decoder would let white space and padding pass, and one signature would then fit several texts.
        if (part.ContainsAnyExcept(Alphabet))
        {
            throw Malformed();
        }

        try
        {
            return Base64Url.DecodeFromChars(part);
        }
        catch (FormatException)
        {
            throw Malformed();
        }
    }

    private static JwtException Malformed() => new("the token is no signed JWT in compact form");
}
