namespace DaprK8s.Common.Identity.Jwt;

/// <summary>
/// A public key that checks signatures (RFC 7517, 7518, 8037). The key, never the token, says which algorithms are good for it, so
/// that neither <c>none</c> nor an HMAC over the public key's text can pass.
/// </summary>
public abstract class JsonWebKey
{
    private readonly string[] algorithms;

    private protected JsonWebKey(string keyId, string? algorithm, params string[] algorithms)
    {
        KeyId = keyId;
        this.algorithms = algorithm is null ? algorithms : [.. algorithms.Where(a => a == algorithm)];
    }

    /// <summary>The key's <c>kid</c>; empty when it has none, and then no token can refer to it.</summary>
    public string KeyId { get; }

    /// <summary>The algorithms (<c>alg</c>) that a signature of this key may use: those of its type, or the one it names.</summary>
    public IReadOnlyList<string> Algorithms => algorithms;

    /// <summary>Whether a signature over the data was made with this key and algorithm. An algorithm that isn't the key's never is.</summary>
    public bool Verify(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
        => Array.IndexOf(algorithms, algorithm) >= 0 && VerifySignature(algorithm, data, signature);

    private protected abstract bool VerifySignature(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);
}
