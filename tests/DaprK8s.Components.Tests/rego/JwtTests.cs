using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Rego;

/// <summary>JSON web tokens in policies.</summary>
public sealed class JwtTests : IDisposable
{
    private static readonly FakeTimeProvider Clock = new(DateTimeOffset.FromUnixTimeSeconds(1_000_000));

    private readonly RSA rsa = RSA.Create(2048);
    private readonly ECDsa ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        rsa.Dispose();
        ec.Dispose();
    }

    [Fact]
    public void A_token_is_taken_apart_without_being_verified()
    {
        var token = Token("HS256", """{"sub":"ann","roles":["a"]}""", _ => [1, 2, 255]);

        Assert.Equal("""[{"alg": "HS256"}, {"roles": ["a"], "sub": "ann"}, "0102ff"]""", Evaluate("io.jwt.decode(input.token)", token));
    }

    [Theory]
    [InlineData("a.b")]
    [InlineData("a.b.c")]
    [InlineData("e30.!.")]
    [InlineData("e30.e30.e30.e30.e30")]
    [InlineData("")]
    public void What_is_no_token_is_undefined(string token) => Assert.Equal("undefined", Evaluate("io.jwt.decode(input.token)", token));

    [Theory]
    [InlineData("hs256")]
    [InlineData("hs384")]
    [InlineData("hs512")]
    public void Shared_secrets(string algorithm)
    {
        var token = Token(algorithm.ToUpperInvariant(), "{}", data => algorithm switch
        {
            "hs256" => HMACSHA256.HashData("secret"u8, data),
            "hs384" => HMACSHA384.HashData("secret"u8, data),
            _ => HMACSHA512.HashData("secret"u8, data),
        });

        Assert.Equal("true", Evaluate($"io.jwt.verify_{algorithm}(input.token, \"secret\")", token));
        Assert.Equal("false", Evaluate($"io.jwt.verify_{algorithm}(input.token, \"other\")", token));
        Assert.Equal("[true, {\"alg\": \"" + algorithm.ToUpperInvariant() + "\"}, {}]", Evaluate("io.jwt.decode_verify(input.token, {\"secret\": \"secret\"})", token));
    }

    [Theory]
    [InlineData("rs256")]
    [InlineData("rs512")]
    [InlineData("ps256")]
    [InlineData("es256")]
    public void Public_keys_as_PEM_certificate_and_web_key(string algorithm)
    {
        var token = Token(algorithm.ToUpperInvariant(), "{}", Signer(algorithm));
        foreach (var key in Keys(algorithm))
        {
            Assert.Equal("true", Evaluate($"io.jwt.verify_{algorithm}(input.token, input.key)", token, key));
            Assert.Equal("false", Evaluate($"io.jwt.verify_{algorithm}(input.token, input.key)", token[..^8] + "AAAAAAAA", key));
            Assert.StartsWith("[true,", Evaluate("io.jwt.decode_verify(input.token, {\"cert\": input.key})", token, key), StringComparison.Ordinal);
        }

        Assert.Equal("undefined", Evaluate($"io.jwt.verify_{algorithm}(input.token, \"no key\")", token));
    }

    [Theory]
    [InlineData("""{"exp": 1000001}""", "", true)]
    [InlineData("""{"exp": 1000000}""", "", false)]
    [InlineData("""{"exp": "never"}""", "", false)]
    [InlineData("""{"nbf": 1000000}""", "", true)]
    [InlineData("""{"nbf": 1000001}""", "", false)]
    [InlineData("""{"exp": 500}""", ", \"time\": 499000000000", true)]
    [InlineData("""{"iss": "me"}""", ", \"iss\": \"me\"", true)]
    [InlineData("""{"iss": "you"}""", ", \"iss\": \"me\"", false)]
    [InlineData("{}", ", \"iss\": \"me\"", false)]
    [InlineData("""{"aud": ["a", "b"]}""", ", \"aud\": \"b\"", true)]
    [InlineData("""{"aud": "a"}""", ", \"aud\": \"b\"", false)]
    [InlineData("""{"aud": "a"}""", "", false)]
    [InlineData("{}", ", \"aud\": \"b\"", false)]
    [InlineData("{}", ", \"alg\": \"RS256\"", false)]
    [InlineData("{}", ", \"alg\": 1", false)]
    public void Claims_are_held_against_constraints(string payload, string constraints, bool valid)
    {
        var token = Token("HS256", payload, data => HMACSHA256.HashData("secret"u8, data));

        var answer = Evaluate($"io.jwt.decode_verify(input.token, {{\"secret\": \"secret\"{constraints}}})", token);

        Assert.Equal(valid, answer.StartsWith("[true,", StringComparison.Ordinal));
        Assert.Equal(valid, answer != "[false, {}, {}]");
    }

    [Fact]
    public void Neither_none_nor_an_HMAC_with_the_public_key_is_a_signature()
    {
        var key = rsa.ExportSubjectPublicKeyInfoPem();
        var none = Token("none", "{}", _ => []);
        var mixed = Token("HS256", "{}", data => HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), data));

        Assert.Equal("[false, {}, {}]", Evaluate("io.jwt.decode_verify(input.token, {\"cert\": input.key})", none, key));
        Assert.Equal("[false, {}, {}]", Evaluate("io.jwt.decode_verify(input.token, {\"cert\": input.key})", mixed, key));
        Assert.Equal("false", Evaluate("io.jwt.verify_rs256(input.token, input.key)", mixed, key));
    }

    [Fact]
    public void A_constraint_that_is_not_known_is_not_taken_as_fulfilled()
    {
        var token = Token("HS256", "{}", data => HMACSHA256.HashData("secret"u8, data));

        Assert.Equal("undefined", Evaluate("io.jwt.decode_verify(input.token, {\"secret\": \"secret\", \"sub\": \"ann\"})", token));
        Assert.Equal("undefined", Evaluate("io.jwt.decode_verify(input.token, {})", token));
    }

    private static string Evaluate(string expression, string token, string key = "")
        => Policy.Expression(expression, new JsonObject { ["token"] = token, ["key"] = key }.ToJsonString(), Clock);

    private static string Token(string algorithm, string payload, Func<byte[], byte[]> sign)
    {
        var signed = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"alg":"{{algorithm}}"}""")) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload));
        return signed + "." + Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)));
    }

    private Func<byte[], byte[]> Signer(string algorithm) => algorithm switch
    {
        "rs256" => data => rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        "rs512" => data => rsa.SignData(data, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
        "ps256" => data => rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        _ => data => ec.SignData(data, HashAlgorithmName.SHA256),
    };

    private string[] Keys(string algorithm)
    {
        var isEc = algorithm[0] == 'e';
        var request = isEc ? new CertificateRequest("CN=x", ec, HashAlgorithmName.SHA256) : new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        var (r, e) = (rsa.ExportParameters(false), ec.ExportParameters(false));
        var webKey = isEc
            ? $$"""{"kty":"EC","crv":"P-256","x":"{{Base64Url.EncodeToString(e.Q.X)}}","y":"{{Base64Url.EncodeToString(e.Q.Y)}}"}"""
            : $$"""{"kty":"RSA","n":"{{Base64Url.EncodeToString(r.Modulus)}}","e":"{{Base64Url.EncodeToString(r.Exponent)}}"}""";
        return
        [
            isEc ? ec.ExportSubjectPublicKeyInfoPem() : rsa.ExportSubjectPublicKeyInfoPem(),
            certificate.ExportCertificatePem(),
            webKey,
            "{\"keys\": [" + webKey + "]}",
        ];
    }
}
