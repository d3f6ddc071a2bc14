using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Identity.Jwt;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sentry.Tests.Jwt;

public sealed class JwtTests
{
    private static readonly SpiffeId Id = SpiffeId.Create("public", "shop", "orders");
    private readonly FakeTimeProvider time = new(DateTimeOffset.UtcNow);

    [Theory]
    [InlineData("RS256")]
    [InlineData("RS384")]
    [InlineData("RS512")]
    [InlineData("PS256")]
    [InlineData("PS384")]
    [InlineData("PS512")]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    [InlineData("EdDSA")]
    public void What_is_signed_with_a_generated_key_verifies_with_its_public_set(string algorithm)
    {
        var settings = new JwtSettings { Enabled = true, Algorithm = algorithm };
        var material = Generate(settings);
        var token = new JwtIssuer(material, settings, Bundles.Skew).Issue(Id, ["public", "other"], time.GetUtcNow());
        var claims = JwtVerifier.Verify(token, JsonWebKeySet.Parse(material.Jwks.Span), new JwtExpectations { Audiences = ["other"], Subject = Id.ToString(), Time = time });

        Assert.Equal(["public", "other"], claims.Audiences);
    }

    [Fact]
    public void A_token_has_exactly_the_claims_of_the_contract()
    {
        var settings = new JwtSettings { Enabled = true, Issuer = "https://issuer", Lifetime = TimeSpan.FromHours(2) };
        var material = Generate(settings);
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var parts = new JwtIssuer(material, settings, Bundles.Skew).Issue(Id, ["public"], time.GetUtcNow()).Split('.');
        using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
        using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));

        Assert.Equal(["alg RS256", $"kid {material.KeyId}", "typ JWT"], header.RootElement.EnumerateObject().Select(p => $"{p.Name} {p.Value}"));
        Assert.Equal(["jti", "sub", "iat", "nbf", "exp", "aud", "use", "iss"], payload.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Matches("^[0-9a-f]{32}$", payload.RootElement.GetProperty("jti").GetString());
        Assert.Equal("spiffe://public/ns/shop/orders", payload.RootElement.GetProperty("sub").GetString());
        Assert.Equal(now, payload.RootElement.GetProperty("iat").GetInt64());
        Assert.Equal(now - 900, payload.RootElement.GetProperty("nbf").GetInt64());
        Assert.Equal(now + 7200, payload.RootElement.GetProperty("exp").GetInt64());
        Assert.Equal("sig", payload.RootElement.GetProperty("use").GetString());
        Assert.Equal("https://issuer", payload.RootElement.GetProperty("iss").GetString());
    }

    [Fact]
    public void Without_issuer_there_is_no_issuer_claim_and_empty_parts_are_refused()
    {
        var settings = new JwtSettings { Enabled = true, Algorithm = "ES256" };
        var issuer = new JwtIssuer(Generate(settings), settings, Bundles.Skew);
        Assert.DoesNotContain("\"iss\"", Encoding.UTF8.GetString(Base64Url.DecodeFromChars(issuer.Issue(Id, ["a"], time.GetUtcNow()).Split('.')[1])));
        Assert.Equal("audience cannot be empty", Assert.Throws<JwtIssueException>(() => issuer.Issue(Id, [""], time.GetUtcNow())).Message);
        Assert.Equal("trust domain cannot be empty", Assert.Throws<JwtIssueException>(() => issuer.Issue(Id with { TrustDomain = "" }, ["a"], time.GetUtcNow())).Message);
        Assert.Equal("namespace cannot be empty", Assert.Throws<JwtIssueException>(() => issuer.Issue(Id with { Namespace = "" }, ["a"], time.GetUtcNow())).Message);
        Assert.Equal("app ID cannot be empty", Assert.Throws<JwtIssueException>(() => issuer.Issue(Id with { AppId = "" }, ["a"], time.GetUtcNow())).Message);
    }

    [Fact]
    public void The_thumbprint_is_that_of_the_standard()
    {
        // RFC 7638, 3: the required members in alphabetical order, without white space.
        var material = Generate(new JwtSettings { Enabled = true });
        using var set = JsonDocument.Parse(material.Jwks);
        var key = set.RootElement.GetProperty("keys")[0];
        var canonical = $$"""{"e":"{{key.GetProperty("e").GetString()}}","kty":"RSA","n":"{{key.GetProperty("n").GetString()}}"}""";
        Assert.Equal(Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(canonical))), key.GetProperty("kid").GetString());
        Assert.Equal(("RS256", "sig", material.KeyId), (key.GetProperty("alg").GetString(), key.GetProperty("use").GetString(), key.GetProperty("kid").GetString()));
    }

    [Fact]
    public void A_key_id_of_the_user_stands_in_the_generated_set_so_that_the_next_start_accepts_it()
    {
        var settings = new JwtSettings { Enabled = true, KeyId = "mine" };
        Assert.Equal("mine", Generate(settings).KeyId);
    }

    [Theory]
    [InlineData("rsa", "RS256")]
    [InlineData("p256", "ES256")]
    [InlineData("p384", "ES384")]
    [InlineData("p521", "ES512")]
    [InlineData("ed25519", "EdDSA")]
    public void Keys_that_openssl_made_sign(string kind, string algorithm)
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.CreateKey(kind, directory["jwt.key"]);
        var key = File.ReadAllBytes(directory["jwt.key"]);
        var settings = new JwtSettings { Enabled = true, Algorithm = algorithm };
        var stored = new StoredBundle(new Dictionary<string, ReadOnlyMemory<byte>> { [BundleItems.JwtKey] = key, [BundleItems.Jwks] = JwtMaterial.WriteSet(key, settings) });
        var material = JwtMaterial.Read(stored, settings)!;
        var token = new JwtIssuer(material, settings, Bundles.Skew).Issue(Id, ["a"], time.GetUtcNow());
        Assert.Equal(Id.ToString(), JwtVerifier.Verify(token, JsonWebKeySet.Parse(material.Jwks.Span), new JwtExpectations { Audiences = ["a"], Time = time }).Subject);
    }

    [Theory]
    [InlineData("rsa", "ES256", "ECDSA algorithm ES256 requires an ECDSA key, but got an RSA key")]
    [InlineData("p384", "ES256", "ES256 requires a P-256 curve, got P-384")]
    [InlineData("rsa", "EdDSA", "EdDSA algorithm requires an Ed25519 key, but got an RSA key")]
    [InlineData("p256", "PS256", "PS256 algorithm requires an RSA key, but got an ECDSA key")]
    [InlineData("rsa", "HS256", "unsupported signature algorithm: HS256")]
    [InlineData("rsa", "none", "unsupported signature algorithm: none")]
    public void An_algorithm_that_is_not_the_keys_is_refused(string kind, string algorithm, string text)
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.CreateKey(kind, directory["jwt.key"]);
        var stored = Bundles.Of((BundleItems.JwtKey, File.ReadAllText(directory["jwt.key"])), (BundleItems.Jwks, "{}"));
        Assert.Equal(text, Assert.Throws<CaBundleException>(() => JwtMaterial.Read(stored, new JwtSettings { Enabled = true, Algorithm = algorithm })).Message);
    }

    [Fact]
    public void Public_sets_that_do_not_fit_the_key_are_refused()
    {
        var (ours, other) = (Items(new JwtSettings { Algorithm = "ES256", KeyId = "a" }), Items(new JwtSettings { Algorithm = "ES256", KeyId = "b" }));
        var foreign = ours.With(BundleItems.Jwks, other.Text(BundleItems.Jwks));

        Refused(ours.With(BundleItems.JwtKey, null), "", "can't verify JWKS without signing key");
        Refused(ours.With(BundleItems.Jwks, "no JSON"), "", "failed to parse JWKS");
        Refused(ours.With(BundleItems.Jwks, ""), "", "failed to parse JWKS");
        Refused(ours.With(BundleItems.Jwks, """{"keys":[]}"""), "", "JWKS doesn't contain any keys");
        Refused(ours.With(BundleItems.Jwks, ours.Text(BundleItems.Jwks).Replace("\"sig\"", "\"enc\"", StringComparison.Ordinal)), "", "JWKS doesn't contain any keys");
        Refused(foreign, "", "JWKS doesn't contain a matching public key for the JWT signing key");
        Refused(foreign, "c", "JWKS doesn't contain a key with user-provided key ID \"c\"");
        Refused(foreign, "b", "JWKS contains a key with user-provided key ID \"b\" but the key content doesn't match the signing key");
        Assert.StartsWith(
            "failed to load JWT signing key: key is not PEM encoded",
            Assert.Throws<CaBundleException>(() => JwtMaterial.Read(ours.With(BundleItems.JwtKey, "x"), new JwtSettings())).Message);
    }

    private static void Refused(StoredBundle stored, string keyId, string text)
        => Assert.StartsWith("failed to verify JWKS: " + text, Assert.Throws<CaBundleException>(() => JwtMaterial.Read(stored, new JwtSettings { KeyId = keyId })).Message);

    private static StoredBundle Items(JwtSettings settings) => new(JwtMaterial.Generate(settings));

    private static JwtMaterial Generate(JwtSettings settings) => JwtMaterial.Read(Items(settings), settings)!;
}
