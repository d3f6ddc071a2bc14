using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DaprK8s.Common.Identity;

namespace DaprK8s.Sentry.Jwt;

/// <summary>A token can't be issued; the message is shown to the caller.</summary>
internal sealed class JwtIssueException(string message) : Exception(message);

/// <summary>Issues JWTs about workloads (contract: security 1.14).</summary>
internal sealed class JwtIssuer
{
    private const int IdBytes = 16;

    private readonly JwtMaterial material;
    private readonly JwtSettings settings;
    private readonly TimeSpan clockSkew;
    private readonly string header;

    public JwtIssuer(JwtMaterial material, JwtSettings settings, TimeSpan clockSkew)
    {
        this.material = material;
        this.settings = settings;
        this.clockSkew = clockSkew;
        header = Encode(json =>
        {
            json.WriteString("alg", material.Algorithm);
            json.WriteString("kid", material.KeyId);
            json.WriteString("typ", "JWT");
        });
    }

    /// <summary>Issues a token.</summary>
    /// <exception cref="JwtIssueException">The identity or an audience is empty.</exception>
    public string Issue(SpiffeId id, IReadOnlyList<string> audiences, DateTimeOffset now)
    {
        Demand(id.TrustDomain, "trust domain");
        Demand(id.Namespace, "namespace");
        Demand(id.AppId, "app ID");
        foreach (var audience in audiences)
        {
            Demand(audience, "audience");
        }

        var payload = Encode(json =>
        {
            json.WriteString("jti", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)));
            json.WriteString("sub", id.ToString());
            json.WriteNumber("iat", now.ToUnixTimeSeconds());
            json.WriteNumber("nbf", (now - clockSkew).ToUnixTimeSeconds());
            json.WriteNumber("exp", (now + settings.Lifetime).ToUnixTimeSeconds());
            json.WriteStartArray("aud");
            foreach (var audience in audiences)
            {
                json.WriteStringValue(audience);
            }

            json.WriteEndArray();
            json.WriteString("use", "sig");
            if (settings.Issuer.Length > 0)
            {
                json.WriteString("iss", settings.Issuer);
            }
        });
        var signed = $"{header}.{payload}";
        return $"{signed}.{Base64Url.EncodeToString(JwtAlgorithm.Sign(material.Algorithm, material.Key, Encoding.ASCII.GetBytes(signed)))}";
    }

    private static void Demand(string value, string name)
    {
        if (value.Length == 0)
        {
            throw new JwtIssueException($"{name} cannot be empty");
        }
    }

    private static string Encode(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return Base64Url.EncodeToString(buffer.WrittenSpan);
    }
}
