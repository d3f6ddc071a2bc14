using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>A signed JSON web token, taken apart; nothing of it is verified.</summary>
/// <param name="Header">The header.</param>
/// <param name="Payload">What it says: an object, or the text of the token inside; <see langword="null"/> when it is neither.</param>
/// <param name="Signed">What is signed.</param>
/// <param name="Signature">The signature.</param>
internal sealed record Jwt(RegoObject Header, RegoValue? Payload, byte[] Signed, byte[] Signature)
{
    /// <summary>The algorithm that the header names; empty when it names none.</summary>
    public string Algorithm => (Header.Get("alg") as RegoString)?.Value ?? "";

    /// <summary>The key that the header names, if it does.</summary>
    public string? KeyId => (Header.Get("kid") as RegoString)?.Value;

    /// <summary>Takes a token in the compact form apart; <see langword="null"/> when it is none.</summary>
    public static Jwt? TryRead(string token)
    {
        var first = token.IndexOf('.', StringComparison.Ordinal);
        var second = first < 0 ? -1 : token.IndexOf('.', first + 1);
        if (second < 0 || token.IndexOf('.', second + 1) >= 0
            || EncodingFunctions.FromBase64Url(token[..first]) is not { } header
            || EncodingFunctions.FromBase64Url(token[(first + 1)..second]) is not { } payload
            || EncodingFunctions.FromBase64Url(token[(second + 1)..]) is not { } signature
            || RegoJson.TryRead(header) is not RegoObject headerObject)
        {
            return null;
        }

        // Encrypted tokens cannot be read.
        if (headerObject.Get("enc") is not null)
        {
            return null;
        }

        var isNested = headerObject.Get("cty") is RegoString type && type.Value.Equals("JWT", StringComparison.OrdinalIgnoreCase);
        RegoValue? says = isNested ? new RegoString(Encoding.UTF8.GetString(payload).Trim('"')) : RegoJson.TryRead(payload) as RegoObject;
        return new Jwt(headerObject, says, Encoding.ASCII.GetBytes(token[..second]), signature);
    }
}
