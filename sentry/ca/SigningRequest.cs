using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace DaprK8s.Sentry.Ca;

/// <summary>A certificate signing request is refused.</summary>
internal sealed class SigningRequestException(string message) : Exception(message);

/// <summary>
/// The key of a certificate signing request. Nothing else of a request counts: what it says about names, extensions or anything else
/// is not even read (contract: security 1.8).
/// </summary>
internal static class SigningRequest
{
    /// <summary>The largest request looked at; one with an RSA key of 8192 bits takes 4 KiB.</summary>
    public const int MaxBytes = 64 << 10;

    private const string NotOne = "invalid certificate signing request";

    /// <summary>Reads the public key of a request in PEM and checks that the request is signed with it.</summary>
    /// <param name="pem">Only the first PEM block counts.</param>
    /// <returns>SubjectPublicKeyInfo in DER.</returns>
    /// <exception cref="SigningRequestException">The request is refused; the message is shown to the caller.</exception>
    public static ReadOnlyMemory<byte> ReadPublicKey(ReadOnlySpan<byte> pem)
    {
        if (pem.Length > MaxBytes)
        {
            throw new SigningRequestException(NotOne);
        }

        var text = Encoding.Latin1.GetString(pem);
        // Old clients call the block a certificate.
        if (!PemEncoding.TryFind(text, out var fields) || text[fields.Label] is not ("CERTIFICATE REQUEST" or "CERTIFICATE"))
        {
            throw new SigningRequestException(NotOne);
        }

        SignedStructure signed;
        ReadOnlyMemory<byte> key;
        try
        {
            signed = SignedStructure.Read(Convert.FromBase64String(text[fields.Base64Data]));
            var info = new AsnReader(signed.ToBeSigned, AsnEncodingRules.DER).ReadSequence();
            info.ReadInteger();
            info.ReadSequence();
            key = info.ReadEncodedValue();
        }
        catch (Exception e) when (e is AsnContentException or FormatException)
        {
            throw new SigningRequestException($"failed to parse certificate signing request: {e.Message}");
        }

        return signed.IsSignedBy(key) ? key : throw new SigningRequestException("invalid signature");
    }
}
