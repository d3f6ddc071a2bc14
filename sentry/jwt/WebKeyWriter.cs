using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using DaprK8s.Sentry.Ca;

namespace DaprK8s.Sentry.Jwt;

/// <summary>Public keys as JSON (RFC 7517), and their thumbprints (RFC 7638).</summary>
internal static class WebKeyWriter
{
    /// <summary>A key set with one key.</summary>
    public static byte[] WriteSet(PrivateKey key, string keyId, string algorithm)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("keys");
            json.WriteStartObject();
            WriteMembers(json, key);
            json.WriteString("kid", keyId);
            json.WriteString("alg", algorithm);
            json.WriteString("use", "sig");
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The SHA-256 thumbprint, in padded base64.</summary>
    public static string Thumbprint(PrivateKey key)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteMembers(json, key);
            json.WriteEndObject();
        }

        return Convert.ToBase64String(SHA256.HashData(buffer.WrittenSpan));
    }

    // In alphabetical order, which the thumbprint is taken over.
    private static void WriteMembers(Utf8JsonWriter json, PrivateKey key)
    {
        if (key.Rsa is { } rsa)
        {
            var numbers = rsa.ExportParameters(includePrivateParameters: false);
            Write("e", numbers.Exponent);
            json.WriteString("kty", "RSA");
            Write("n", numbers.Modulus);
        }
        else if (key.Ec is { } ec)
        {
            var point = ec.ExportParameters(includePrivateParameters: false).Q;
            json.WriteString("crv", $"P-{ec.KeySize}");
            json.WriteString("kty", "EC");
            Write("x", point.X);
            Write("y", point.Y);
        }
        else
        {
            json.WriteString("crv", "Ed25519");
            json.WriteString("kty", "OKP");
            Write("x", key.Ed25519Point.Span);
        }

        void Write(string name, ReadOnlySpan<byte> bytes) => json.WriteString(name, Base64Url.EncodeToString(bytes));
    }
}
