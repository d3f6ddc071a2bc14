using System.Security.Cryptography;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>A key on P-256, P-384 or P-521: ES256, ES384 or ES512, one algorithm a curve.</summary>
internal sealed class EcWebKey : JsonWebKey, IDisposable
{
    private readonly ECParameters parameters;
    private ECDsa? spare;

    private EcWebKey(string keyId, string? algorithm, string curveAlgorithm, ECParameters parameters)
        : base(keyId, algorithm, curveAlgorithm)
    {
        this.parameters = parameters;
        spare = ECDsa.Create(parameters);
    }

    /// <summary>Makes a key of a curve's name (<c>crv</c>) and a point; <see langword="null"/> when the curve is none of ours.</summary>
    /// <exception cref="CryptographicException">The point is not on the curve.</exception>
    public static EcWebKey? Create(string keyId, string? algorithm, string curve, byte[] x, byte[] y)
    {
        (string Algorithm, ECCurve Curve, int Length)? known = curve switch
        {
            "P-256" => ("ES256", ECCurve.NamedCurves.nistP256, 32),
            "P-384" => ("ES384", ECCurve.NamedCurves.nistP384, 48),
            "P-521" => ("ES512", ECCurve.NamedCurves.nistP521, 66),
            _ => null,
        };
        if (known is not var (curveAlgorithm, named, length))
        {
            return null;
        }

        if (x.Length != length || y.Length != length)
        {
            throw new CryptographicException("a coordinate has the wrong length for the curve");
        }

        return new EcWebKey(keyId, algorithm, curveAlgorithm, new ECParameters { Curve = named, Q = new ECPoint { X = x, Y = y } });
    }

    public void Dispose() => Interlocked.Exchange(ref spare, null)?.Dispose();

    private protected override bool VerifySignature(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var ecdsa = Interlocked.Exchange(ref spare, null) ?? ECDsa.Create(parameters);
        try
        {
            return ecdsa.VerifyData(data, signature, HashNames.Of(algorithm), DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            Interlocked.Exchange(ref spare, ecdsa)?.Dispose();
        }
    }
}
