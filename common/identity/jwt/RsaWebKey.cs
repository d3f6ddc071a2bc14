using System.Security.Cryptography;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>An RSA key: RS256/384/512 and PS256/384/512.</summary>
internal sealed class RsaWebKey : JsonWebKey, IDisposable
{
    private const int MinBits = 2048;
    private const int MaxBits = 8192;
    private const int MaxExponentBytes = 8;

    private readonly RSAParameters parameters;
    private RSA? spare;

    public RsaWebKey(string keyId, string? algorithm, RSAParameters parameters)
        : base(keyId, algorithm, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    {
        this.parameters = parameters;
        if (parameters.Modulus!.Length * 8 is < MinBits or > MaxBits || parameters.Exponent!.Length is 0 or > MaxExponentBytes)
        {
            throw new CryptographicException($"an RSA key must have {MinBits} to {MaxBits} bits and a short exponent");
        }

        spare = RSA.Create(parameters);
    }

    public void Dispose() => Interlocked.Exchange(ref spare, null)?.Dispose();

    private protected override bool VerifySignature(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        // The platform's objects are not promised to be thread safe; whoever finds none at hand makes another.
        var rsa = Interlocked.Exchange(ref spare, null) ?? RSA.Create(parameters);
        try
        {
            return rsa.VerifyData(data, signature, HashNames.Of(algorithm), algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        }
        finally
        {
            Interlocked.Exchange(ref spare, rsa)?.Dispose();
        }
    }
}
