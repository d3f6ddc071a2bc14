using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>An Ed25519 key: EdDSA. .NET has no public API for it, so the mathematics is BouncyCastle's.</summary>
internal sealed class Ed25519WebKey : JsonWebKey
{
    private readonly byte[] publicKey;

    public Ed25519WebKey(string keyId, string? algorithm, byte[] publicKey)
        : base(keyId, algorithm, "EdDSA")
    {
        if (publicKey.Length != Ed25519.PublicKeySize || !Ed25519.ValidatePublicKeyFull(publicKey, 0))
        {
            throw new CryptographicException("the key is no point of Ed25519");
        }

        this.publicKey = publicKey;
    }

    private protected override bool VerifySignature(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != Ed25519.SignatureSize)
        {
            return false;
        }

        var message = data.ToArray();
        return Ed25519.Verify(signature.ToArray(), 0, publicKey, 0, message, 0, message.Length);
    }
}
