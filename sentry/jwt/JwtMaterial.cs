using System.Security.Cryptography;
using DaprK8s.Common.Identity.Jwt;
using DaprK8s.Common.Text;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Jwt;

/// <summary>The key that signs JWTs and the public set that it belongs to (contract: security 1.11, 1.12).</summary>
/// <param name="Key">The signing key.</param>
/// <param name="KeyId">Its <c>kid</c>.</param>
/// <param name="Algorithm">The signature algorithm.</param>
/// <param name="Jwks">The public set, as it is served.</param>
internal sealed record JwtMaterial(PrivateKey Key, string KeyId, string Algorithm, ReadOnlyMemory<byte> Jwks)
{
    /// <summary>Makes a key and its set.</summary>
    /// <exception cref="CaBundleException">The algorithm is unknown.</exception>
    public static IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Generate(JwtSettings settings)
    {
        using var key = JwtAlgorithm.Generate(settings.Algorithm);
        return new Dictionary<string, ReadOnlyMemory<byte>> { [BundleItems.JwtKey] = key.WritePem(), [BundleItems.Jwks] = WriteSet(key, settings) };
    }

    /// <summary>The public set of a key that is there without one.</summary>
    /// <exception cref="CaBundleException">The key can't be used.</exception>
    public static byte[] WriteSet(ReadOnlyMemory<byte> keyPem, JwtSettings settings)
    {
        using var key = ReadKey(keyPem);
        JwtAlgorithm.Check(settings.Algorithm, key);
        return WriteSet(key, settings);
    }

    /// <summary>Reads and checks what is stored, also when no JWTs are issued.</summary>
    /// <returns><see langword="null"/> when nothing is there, or only a key.</returns>
    /// <exception cref="CaBundleException">Something is there and can't be used.</exception>
    public static JwtMaterial? Read(StoredBundle? stored, JwtSettings settings)
    {
        if (stored?[BundleItems.JwtKey] is not { } pem)
        {
            return stored?[BundleItems.Jwks] is null ? null : throw Unverified("can't verify JWKS without signing key");
        }

        var key = ReadKey(pem);
        try
        {
            if (settings.Enabled)
            {
                JwtAlgorithm.Check(settings.Algorithm, key);
            }

            if (stored[BundleItems.Jwks] is not { } jwks)
            {
                key.Dispose();
                return null;
            }

            return new JwtMaterial(key, FindKeyId(key, jwks.Span, settings), settings.Algorithm, jwks);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    // A key of the set is ours when it verifies what ours has signed.
    private static string FindKeyId(PrivateKey key, ReadOnlySpan<byte> jwks, JwtSettings settings)
    {
        JsonWebKeySet set;
        try
        {
            set = JsonWebKeySet.Parse(jwks);
        }
        catch (JwtException e)
        {
            throw Unverified($"failed to parse JWKS: {e.Message}");
        }

        if (set.Keys.Count == 0)
        {
            throw Unverified("JWKS doesn't contain any keys");
        }

        var probe = RandomNumberGenerator.GetBytes(32);
        bool IsOurs(JsonWebKey candidate) => candidate.Algorithms.Any(a => Fits(a, key) && candidate.Verify(a, probe, JwtAlgorithm.Sign(a, key, probe)));
        if (settings.KeyId.Length == 0)
        {
            var match = set.Keys.FirstOrDefault(IsOurs) ?? throw Unverified("JWKS doesn't contain a matching public key for the JWT signing key");
            return match.KeyId.Length > 0
                ? match.KeyId
                : throw Unverified($"JWKS doesn't contain a key with matching key ID {GoQuote.Quote(WebKeyWriter.Thumbprint(key))}");
        }

        var named = set.Find(settings.KeyId) ?? throw Unverified($"JWKS doesn't contain a key with user-provided key ID {GoQuote.Quote(settings.KeyId)}");
        return IsOurs(named)
            ? settings.KeyId
            : throw Unverified($"JWKS contains a key with user-provided key ID {GoQuote.Quote(settings.KeyId)} but the key content doesn't match the signing key");
    }

    private static bool Fits(string algorithm, PrivateKey key)
    {
        try
        {
            JwtAlgorithm.Check(algorithm, key);
            return true;
        }
        catch (CaBundleException)
        {
            return false;
        }
    }

    private static PrivateKey ReadKey(ReadOnlyMemory<byte> pem)
    {
        try
        {
            return PrivateKey.ReadPem(pem.Span);
        }
        catch (PrivateKeyException e)
        {
            throw new CaBundleException($"failed to load JWT signing key: {e.Message} ({BundleItems.JwtKey})");
        }
    }

    private static byte[] WriteSet(PrivateKey key, JwtSettings settings)
        => WebKeyWriter.WriteSet(key, settings.KeyId.Length > 0 ? settings.KeyId : WebKeyWriter.Thumbprint(key), settings.Algorithm);

    private static CaBundleException Unverified(string message) => new($"failed to verify JWKS: {message}");
}
