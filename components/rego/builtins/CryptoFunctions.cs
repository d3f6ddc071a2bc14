using System.Security.Cryptography;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Digests.</summary>
internal static class CryptoFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
#pragma warning disable CA5350, CA5351 // The policy names the algorithm, and may have to compare with what others made.
        table.Add("crypto.md5", "string", static (e, a) => Hex(MD5.HashData(Bytes(e, a))));
        table.Add("crypto.sha1", "string", static (e, a) => Hex(SHA1.HashData(Bytes(e, a))));
        table.Add("crypto.hmac.md5", "string,string", static (e, a, b) => Hex(HMACMD5.HashData(Bytes(e, b), Bytes(e, a))));
        table.Add("crypto.hmac.sha1", "string,string", static (e, a, b) => Hex(HMACSHA1.HashData(Bytes(e, b), Bytes(e, a))));
#pragma warning restore CA5350, CA5351
        table.Add("crypto.sha256", "string", static (e, a) => Hex(SHA256.HashData(Bytes(e, a))));
        table.Add("crypto.hmac.sha256", "string,string", static (e, a, b) => Hex(HMACSHA256.HashData(Bytes(e, b), Bytes(e, a))));
        table.Add("crypto.hmac.sha512", "string,string", static (e, a, b) => Hex(HMACSHA512.HashData(Bytes(e, b), Bytes(e, a))));
        table.Add("crypto.hmac.equal", "string,string", static (e, a, b)
            => RegoBoolean.Of(CryptographicOperations.FixedTimeEquals(Bytes(e, a), Bytes(e, b))));
    }

    private static byte[] Bytes(Evaluation e, RegoValue value)
    {
        StringFunctions.Expect(e, StringFunctions.Text(value).Length);
        return Encoding.UTF8.GetBytes(StringFunctions.Text(value));
    }

    private static RegoString Hex(byte[] digest) => new(Convert.ToHexStringLower(digest));
}
