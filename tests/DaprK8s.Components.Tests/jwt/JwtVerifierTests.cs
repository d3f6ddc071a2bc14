using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Common.Identity.Jwt;
using DaprK8s.TestServers;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Jwt;

public sealed class JwtVerifierTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TokenKey Key = TokenKey.Create("first", "ES256");
    private static readonly TokenKey Rsa = TokenKey.Create("rsa", "RS256");

    public static TheoryData<string> Algorithms
        => ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_token_of_each_algorithm_is_accepted_and_tells_its_claims(string algorithm)
    {
        var key = TokenKey.Create("k", algorithm);

        var claims = Verify(key.Sign(Payload()), key);

        Assert.Equal("https://issuer", claims.Issuer);
        Assert.Equal("somebody", claims.Subject);
        Assert.Equal(["me", "others"], claims.Audiences);
        Assert.Equal(Now.AddHours(1), claims.ExpiresAt);
        Assert.True(claims.TryGet("role", out var role));
        Assert.Equal("admin", role.GetString());
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_changed_payload_or_signature_can_not_be_verified(string algorithm)
    {
        var key = TokenKey.Create("k", algorithm);
        var parts = key.Sign(Payload()).Split('.');
        var other = key.Sign(Payload(p => p["sub"] = "root")).Split('.');

        AssertRefused($"{parts[0]}.{other[1]}.{parts[2]}", "could not verify message", key);
        AssertRefused($"{parts[0]}.{parts[1]}.{other[2]}", "could not verify message", key);
        AssertRefused($"{parts[0]}.{parts[1]}.AAAA", "could not verify message", key);
    }

    [Fact]
    public void The_key_says_which_algorithm_is_good()
    {
        var payload = Payload().ToJsonString();
        AssertRefused(Key.Sign("""{"alg":"none","kid":"first"}""", payload), "could not verify message");
        AssertRefused(Key.Sign("""{"alg":"HS256","kid":"first"}""", payload), "could not verify message");
        AssertRefused(Key.Sign("""{"alg":"ES384","kid":"first"}""", payload), "could not verify message");
        AssertRefused(Key.Sign("""{"kid":"first"}""", payload), "could not verify message");
        AssertRefused(Key.Sign("""{"alg":["ES256"],"kid":"first"}""", payload), "could not verify message");
    }

    [Fact]
    public void An_HMAC_over_the_public_key_is_no_signature()
    {
        using var rsa = RSA.Create();
        rsa.ImportParameters(new RSAParameters { Modulus = Bytes("n"), Exponent = Bytes("e") });
        var signed = $"{TokenKey.Encode("""{"alg":"HS256","kid":"rsa"}"""u8)}.{TokenKey.Encode(Encoding.UTF8.GetBytes(Payload().ToJsonString()))}";
        foreach (var secret in new[] { Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()), rsa.ExportSubjectPublicKeyInfo(), Bytes("n") })
        {
            AssertRefused($"{signed}.{TokenKey.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)))}", "could not verify message", Rsa);
        }

        static byte[] Bytes(string name) => System.Buffers.Text.Base64Url.DecodeFromChars((string)Rsa.Jwk[name]!);
    }

    [Fact]
    public void A_key_that_names_its_algorithm_takes_no_other()
    {
        var key = TokenKey.Create("k", "RS256");
        var token = key.Sign(Payload());
        key.Jwk["alg"] = "RS512";

        AssertRefused(token, "could not verify message", key);
        key.Jwk["alg"] = "RS256";
        Verify(token, key);
    }

    [Fact]
    public void The_kid_names_the_key_and_nothing_else_does()
    {
        var other = TokenKey.Create("second", "ES256");
        Verify(other.Sign(Payload()), Key, other);

        AssertRefused(other.Sign(Payload()), "could not verify message");
        AssertRefused(Key.Sign(Payload(), new JsonObject { ["kid"] = "second" }), "could not verify message", Key, other);
        AssertRefused(Key.Sign("""{"alg":"ES256"}""", Payload().ToJsonString()), "could not verify message");
        var embedded = new JsonObject { ["kid"] = "first", ["jwk"] = other.Jwk.DeepClone(), ["jku"] = "http://127.0.0.1:1/", ["x5u"] = "http://127.0.0.1:1/" };
        AssertRefused(other.Sign(Payload(), embedded), "could not verify message");
    }

    [Fact]
    public void Keys_of_one_kid_are_told_apart_by_their_type()
    {
        var (rsa, ec) = (TokenKey.Create("same", "RS256"), TokenKey.Create("same", "ES256"));
        Verify(rsa.Sign(Payload()), rsa, ec);
        Verify(ec.Sign(Payload()), rsa, ec);
    }

    [Theory]
    [InlineData("exp", -300, "\"exp\"")]
    [InlineData("nbf", 301, "\"nbf\"")]
    [InlineData("iat", 301, "\"iat\"")]
    public void Times_are_checked_with_skew(string claim, int tooFar, string text)
    {
        AssertRefused(Key.Sign(Payload(p => p[claim] = Now.ToUnixTimeSeconds() + tooFar)), text);
        Verify(Key.Sign(Payload(p => p[claim] = Now.ToUnixTimeSeconds() + tooFar + (tooFar < 0 ? 1 : -1))));
    }

    [Fact]
    public void The_failing_claim_is_named()
    {
        AssertRefused(Key.Sign(Payload(p => p["aud"] = "you")), "\"aud\"");
        AssertRefused(Key.Sign(Payload(p => p["aud"] = new JsonArray("you", "he"))), "\"aud\"");
        AssertRefused(Key.Sign(Payload(p => p.Remove("aud"))), "\"aud\"");
        AssertRefused(Key.Sign(Payload(p => p["aud"] = new JsonArray("me", 7))), "\"aud\"");
        AssertRefused(Key.Sign(Payload(p => p["iss"] = "https://issuer/")), "\"iss\"");
        AssertRefused(Key.Sign(Payload(p => p.Remove("iss"))), "\"iss\"");
        AssertRefused(Key.Sign(Payload(p => p["sub"] = "nobody")), "\"sub\"");
        AssertRefused(Key.Sign(Payload(p => p["sub"] = 7)), "\"sub\"");
        AssertRefused(Key.Sign(Payload(p => p["exp"] = "1")), "\"exp\"");
        AssertRefused(Key.Sign(Payload(p => p["nbf"] = -1)), "\"nbf\"");
    }

    [Fact]
    public void Without_an_expected_audience_no_token_is_accepted()
    {
        var error = Assert.Throws<JwtException>(() => JwtVerifier.Verify(
            Key.Sign(Payload()), JsonWebKeySet.Parse(TokenKey.Set(Key)), new JwtExpectations { Audiences = [], Time = new FakeTimeProvider(Now) }));
        Assert.Contains("\"aud\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Times_outside_of_the_calendar_do_no_harm()
    {
        Verify(Key.Sign(Payload(p => p["exp"] = 1e300)));
        Verify(Key.Sign(Payload(p => p["exp"] = (Now.ToUnixTimeSeconds() + 10) + 0.5)));
        AssertRefused(Key.Sign(Payload(p => p["nbf"] = 1e18)), "\"nbf\"");
    }

    [Fact]
    public void What_is_no_token_is_refused_with_a_reason()
    {
        var good = Key.Sign(Payload());
        foreach (var text in new[] { "", ".", "..", "a.b", "a.b.c.d", good + "=", good + "\n", " " + good, good + ".", "." + good, good.Replace('.', ' '), "ä.b.c" })
        {
            AssertRefused(text, "");
        }

        AssertRefused(Key.Sign("[]", "{}"), "header");
        AssertRefused(Key.Sign("""{"alg":"ES256","kid":"first"}""", "7"), "payload");
        AssertRefused(Key.Sign("""{"alg":"ES256","kid":"first","crit":["exp"]}""", Payload().ToJsonString()), "crit");
        AssertRefused(Key.Sign("""{"alg":"ES256","kid":"first","kid":"first"}""", Payload().ToJsonString()), "header");
        AssertRefused(Key.Sign("""{"alg":"ES256","kid":"\ud800"}""", Payload().ToJsonString()), "Unicode");
        AssertRefused(Key.Sign("""{"alg":"ES256","kid":"first"}""", """{"aud":"\udc00"}"""), "Unicode");
        AssertRefused(new string('a', JwtVerifier.MaxTokenLength + 1), "too long");
        AssertRefused(Key.Sign(new string('[', 1000), "{}"), "header");
    }

    [Fact]
    public void A_set_keeps_its_good_keys_when_others_are_unusable()
    {
        var weak = TokenKey.Create("weak", "RS256", 1024);
        var set = new JsonObject
        {
            ["keys"] = new JsonArray(
                weak.Jwk.DeepClone(),
                new JsonObject { ["kty"] = "oct", ["kid"] = "secret", ["k"] = "AAAA" },
                new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["kid"] = "off the curve", ["x"] = new string('A', 43), ["y"] = new string('A', 43) },
                new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["kid"] = "short", ["x"] = "AA", ["y"] = "AA" },
                new JsonObject { ["kty"] = "RSA", ["kid"] = "empty" },
                new JsonObject { ["kty"] = "OKP", ["crv"] = "Ed25519", ["kid"] = "no point", ["x"] = new string('_', 43) },
                new JsonObject { ["kty"] = "new", ["kid"] = "unknown" },
                With("use", "enc"), With("key_ops", new JsonArray("encrypt")), With("alg", "RSA-OAEP"), 7, Key.Jwk.DeepClone()),
        };

        var read = JsonWebKeySet.Parse(Encoding.UTF8.GetBytes(set.ToJsonString()));

        Assert.NotNull(read.Find("first"));
        Assert.Equal(["ES256"], read.Find("first")!.Algorithms);
        Assert.All(read.Keys.Where(k => k.KeyId != "first"), k => Assert.Empty(k.Algorithms));
        Assert.Null(read.Find("weak"));
        Assert.Null(read.Find(""));

        static JsonObject With(string name, JsonNode value)
        {
            var jwk = (JsonObject)Rsa.Jwk.DeepClone();
            jwk[name] = value;
            return jwk;
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"keys\":{}}")]
    [InlineData("{\"keys\":[]} x")]
    [InlineData("not json")]
    public void What_is_no_key_set_is_refused(string text)
        => Assert.Throws<JwtException>(() => JsonWebKeySet.Parse(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void One_set_serves_many_threads()
    {
        var set = JsonWebKeySet.Parse(TokenKey.Set(Key, Rsa));
        var tokens = new[] { Key.Sign(Payload()), Rsa.Sign(Payload()) };

        Parallel.For(0, 200, i => JwtVerifier.Verify(tokens[i % 2], set, Expectations()));
    }

    private static JsonObject Payload(Action<JsonObject>? change = null)
    {
        var payload = new JsonObject
        {
            ["iss"] = "https://issuer",
            ["sub"] = "somebody",
            ["aud"] = new JsonArray("me", "others"),
            ["exp"] = Now.AddHours(1).ToUnixTimeSeconds(),
            ["role"] = "admin",
        };
        change?.Invoke(payload);
        return payload;
    }

    private static JwtExpectations Expectations()
        => new() { Issuer = "https://issuer", Audiences = ["me"], Subject = "somebody", Time = new FakeTimeProvider(Now) };

    private static JwtClaims Verify(string token, params TokenKey[] keys)
        => JwtVerifier.Verify(token, JsonWebKeySet.Parse(TokenKey.Set(keys.Length == 0 ? [Key] : keys)), Expectations());

    private static void AssertRefused(string token, string text, params TokenKey[] keys)
        => Assert.Contains(text, Assert.Throws<JwtException>(() => Verify(token, keys)).Message, StringComparison.Ordinal);
}
