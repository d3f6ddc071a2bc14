using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace DaprK8s.Common.Identity;

/// <summary>Checks what an issuer answered and joins it with the key that was asked for (contract: security 2.2).</summary>
internal static class SvidReader
{
    public static Svid Read(IssuedSvid answer, AsymmetricAlgorithm key)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(Encoding.UTF8.GetString(answer.CertificateChain.Span));
        }
        catch (CryptographicException e)
        {
            throw new SvidRequestException($"error parsing newly signed certificate: {e.Message}", "sign", isPassing: true, e);
        }

        if (certificates.Count == 0)
        {
            throw new SvidRequestException("no certificates received from sentry", "sign", isPassing: true);
        }

        var bare = certificates[0];
        certificates.RemoveAt(0);
        var id = ReadId(bare);
        try
        {
            return new Svid(id, WithKey(bare, key), certificates)
            {
                Jwt = answer.Jwt,
                JwtByAudience = answer.JwtByAudience,
                JwtNotAfter = answer.Jwt is { } jwt ? ExpiryOf(jwt, id.TrustDomain) : null,
            };
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw new SvidRequestException($"error parsing newly signed certificate: it is not for the key that was sent: {e.Message}", "sign", isPassing: true, e);
        }
    }

    private static X509Certificate2 WithKey(X509Certificate2 bare, AsymmetricAlgorithm key)
        => key is RSA rsa ? bare.CopyWithPrivateKey(rsa) : bare.CopyWithPrivateKey((ECDsa)key);

    private static SpiffeId ReadId(X509Certificate2 leaf)
    {
        try
        {
            return PeerCertificate.IdOf(leaf) ?? throw new IdentityException("its URI is no Dapr identity");
        }
        catch (IdentityException e)
        {
            throw new SvidRequestException($"error parsing spiffe id from newly signed certificate: {e.Message}", "sign", isPassing: true, e);
        }
    }

    // Not verified: it came over a connection that was. Only its end and its audience matter here.
    private static DateTimeOffset ExpiryOf(string jwt, string trustDomain)
    {
        try
        {
            var parts = jwt.Split('.');
            using var claims = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(parts.Length == 3 ? parts[1] : throw new FormatException("it has not three parts")));
            var audience = claims.RootElement.TryGetProperty("aud", out var aud) ? Texts(aud) : [];
            if (audience.Count == 0)
            {
                throw new SvidRequestException("JWT audience is empty", "jwt_aud", isPassing: true);
            }

            if (!audience.Contains(trustDomain))
            {
                throw new SvidRequestException($"JWT audience does not list the trust domain {trustDomain}", "jwt_aud", isPassing: true);
            }

            return DateTimeOffset.FromUnixTimeSeconds((long)claims.RootElement.GetProperty("exp").GetDouble());
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw new SvidRequestException(string.Create(CultureInfo.InvariantCulture, $"error parsing JWT: {e.Message}"), "jwt_parse", isPassing: true, e);
        }
    }

    private static List<string> Texts(JsonElement value)
        => value.ValueKind == JsonValueKind.String ? [value.GetString()!]
            : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!)]
            : [];
}
