using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using DaprK8s.Common.Resources;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.Sentry.Validators;
using DaprK8s.TestServers;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using TokenValidator = DaprK8s.Protos.Sentry.V1.SignCertificateRequest.Types.TokenValidator;

namespace DaprK8s.Sentry.Tests.Validators;

public sealed class ValidatorTests
{
    private static readonly TokenKey Key = TokenKey.Create("k1", "ES256");
    private readonly FakeTimeProvider time = new(DateTimeOffset.UtcNow);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void All_that_is_wrong_with_a_request_is_told_at_once()
        => Assert.Equal(
            "invalid request: parameter app-id cannot be empty\nCSR is required\nnamespace is required",
            Assert.Throws<ValidationException>(() => RequestRules.Check(new SignCertificateRequest())).Message);

    [Theory]
    [InlineData("a.b", "invalid request: parameter app-id cannot contain dots")]
    [InlineData("a1234567890123456789012345678901234567890123456789012345678901234", "invalid request: app ID must be 64 characters or less")]
    public void An_app_id_has_no_dots_and_at_most_64_characters(string id, string text)
        => Assert.Equal(text, Assert.Throws<ValidationException>(() => RequestRules.Check(Request(id))).Message);

    [Fact]
    public void Long_namespaces_are_good_and_a_missing_trust_domain_is_public()
    {
        Assert.Equal("public", RequestRules.Check(Request(@namespace: new string('n', 253))));
        Assert.Equal("cluster.local", RequestRules.Check(Request(trustDomain: "cluster.local")));
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("a b")]
    [InlineData("a/../b")]
    [InlineData("ä")]
    [InlineData("a:b@c")]
    public void A_trust_domain_with_other_characters_is_refused(string trustDomain)
        => Assert.Contains(
            "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores",
            Assert.Throws<ValidationException>(() => RequestRules.Check(Request(trustDomain: trustDomain))).Message);

    [Fact]
    public async Task The_insecure_validator_checks_the_form_only()
    {
        Assert.Equal("td", (await new InsecureValidator().ValidateAsync(Request(trustDomain: "td"), Token)).TrustDomain);
        await Assert.ThrowsAsync<ValidationException>(async () => await new InsecureValidator().ValidateAsync(new SignCertificateRequest(), Token));
    }

    [Fact]
    public void Self_hosted_the_insecure_validator_is_on_unless_another_is_configured()
    {
        var plain = Table(null);
        Assert.True(plain.TryGet(TokenValidator.Unknown, out var unnamed) && unnamed is InsecureValidator);
        Assert.True(plain.TryGet(TokenValidator.Insecure, out _));
        Assert.False(plain.TryGet(TokenValidator.Kubernetes, out _) || plain.TryGet(TokenValidator.Jwks, out _));

        var jwks = Table(null, "JWKS");
        Assert.True(jwks.TryGet(TokenValidator.Jwks, out _));
        Assert.False(jwks.TryGet(TokenValidator.Insecure, out _) || jwks.TryGet(TokenValidator.Unknown, out _));
    }

    [Fact]
    public void In_Kubernetes_its_validator_is_the_default_and_jwks_may_join_it()
    {
        var own = new InsecureValidator();
        var table = Table(own, "jwks");
        Assert.True(table.TryGet(TokenValidator.Unknown, out var unnamed) && ReferenceEquals(own, unnamed));
        Assert.True(table.TryGet(TokenValidator.Kubernetes, out _) && table.TryGet(TokenValidator.Jwks, out _));
        foreach (var number in new[] { 1, -1, 4, 99 })
        {
            Assert.False(table.TryGet((TokenValidator)number, out _), $"validator {number}");
        }
    }

    [Theory]
    [InlineData("kubernetes", "invalid token validator: the built-in 'kubernetes' and 'insecure' validators cannot be configured manually")]
    [InlineData("Insecure", "invalid token validator: the built-in 'kubernetes' and 'insecure' validators cannot be configured manually")]
    [InlineData("oauth", "invalid token validator name: 'oauth'; supported values: 'jwks'")]
    public void Only_jwks_can_be_configured(string name, string text)
        => Assert.Equal(text, Assert.Throws<ValidatorConfigurationException>(() => Table(null, name)).Message);

    [Fact]
    public async Task A_token_of_a_key_of_the_set_for_exactly_this_identity_is_accepted()
        => Assert.Equal("public", (await (await JwksAsync()).ValidateAsync(Request(token: Sign()), Token)).TrustDomain);

    [Fact]
    public async Task Every_other_token_is_refused_with_the_failing_claim()
    {
        var validator = await JwksAsync();
        var other = TokenKey.Create("k1", "ES256");
        var unknown = TokenKey.Create("k2", "ES256");
        var cases = new (string Token, string Text)[]
        {
            ("", "the request does not contain a token"),
            (Sign(p => p["aud"] = "another"), "\"aud\""),
            (Sign(p => p.Remove("aud")), "\"aud\""),
            (Sign(p => p["sub"] = "spiffe://public/ns/shop/other"), "\"sub\""),
            (Sign(p => p["sub"] = "spiffe://other/ns/shop/orders"), "\"sub\""),
            (Sign(p => p.Remove("sub")), "\"sub\""),
            (Sign(p => p["exp"] = Seconds(-301)), "\"exp\""),
            (Sign(p => p["nbf"] = Seconds(301)), "\"nbf\""),
            (Sign(p => p["iat"] = Seconds(301)), "\"iat\""),
            (other.Sign(Payload()), "could not verify message"),
            (unknown.Sign(Payload()), "could not verify message"),
            (Key.Sign("""{"alg":"ES256"}""", Payload().ToJsonString()), "could not verify message"),
            (Key.Sign("""{"alg":"ES384","kid":"k1"}""", Payload().ToJsonString()), "could not verify message"),
            (Unsigned("none"), "token validation failed: "),
            (Hmac(), "could not verify message"),
            ("a.b.c", "token validation failed: "),
            ("not a token", "token validation failed: "),
        };
        foreach (var (token, text) in cases)
        {
            var error = await Assert.ThrowsAsync<ValidationException>(async () => await validator.ValidateAsync(Request(token: token), Token));
            Assert.Contains(text, error.Message);
        }
    }

    [Fact]
    public async Task Five_minutes_of_skew_are_forgiven()
    {
        var validator = await JwksAsync();
        await validator.ValidateAsync(Request(token: Sign(p => (p["exp"], p["nbf"], p["iat"]) = (Seconds(-290), Seconds(290), Seconds(290)))), Token);
    }

    [Fact]
    public async Task The_token_is_looked_for_first_and_the_form_of_the_request_before_the_token_is_read()
    {
        var validator = await JwksAsync();
        Assert.Equal("the request does not contain a token", await RefusalAsync(validator, new SignCertificateRequest()));
        Assert.StartsWith("invalid request: ", await RefusalAsync(validator, new SignCertificateRequest { Token = "x" }));
        Assert.StartsWith("failed to construct SPIFFE ID for requestor: ", await RefusalAsync(validator, Request("a/b", token: Sign())));
        var unready = new JwksValidator(new JwksSource(Options("https://localhost:1/keys"), time, new ListLogger()), Bundles.Sentry, time);
        Assert.False(unready.IsReady);
        Assert.Equal("jwks validator not ready", await RefusalAsync(unready, Request(token: Sign())));
    }

    [Fact]
    public async Task No_changed_token_gets_through_or_crashes()
    {
        var validator = await JwksAsync();
        var valid = Sign();
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Char[' ', '~']).Sample(
            (at, character) => Assert.True(character == valid[at] || IsRefused(validator, valid[..at] + character + valid[(at + 1)..]) || IsSameSignature(valid, at), $"{at} {character}"),
            iter: 3000);
        Gen.String[0, 200].Sample(text => Assert.True(IsRefused(validator, text)), iter: 2000);
        Gen.Int[0, valid.Length - 1].Sample(length => Assert.True(IsRefused(validator, valid[..length])), iter: 300);
    }

    [Fact]
    public async Task Keys_come_inline_as_base64_or_from_a_file_that_is_watched()
    {
        var inline = await JwksAsync(Convert.ToBase64String(TokenKey.Set(Key)));
        await inline.ValidateAsync(Request(token: Sign()), Token);

        using var directory = new TemporaryDirectory();
        var source = new JwksSource(Options(directory.Write("keys.json", TokenKey.Set(Key))), TimeProvider.System, new ListLogger());
        var validator = new JwksValidator(source, Bundles.Sentry, time);
        using var stop = new CancellationTokenSource();
        var running = Task.Run(() => validator.RunAsync(stop.Token), Token);
        await Eventually.TrueAsync(() => validator.IsReady, "the file is read");
        var second = TokenKey.Create("k2", "RS256");
        var rewrite = DateTime.MinValue;
        await Eventually.TrueAsync(
            () =>
            {
                if (DateTime.UtcNow - rewrite > TimeSpan.FromSeconds(6))
                {
                    rewrite = DateTime.UtcNow;
                    directory.Write("keys.json", TokenKey.Set(Key, second));
                }

                return !IsRefused(validator, second.Sign(Payload()));
            },
            "a key that was added to the file counts");
        await validator.ValidateAsync(Request(token: Sign()), Token);
        await stop.CancelAsync();
        await Eventually.EndedAsync(running);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("ftp://host/keys")]
    [InlineData("{broken")]
    public async Task A_source_that_is_nothing_is_fatal(string source)
        => Assert.Equal(
            "failed to parse property 'location': not a URL, path to local file, or JSON value (optionally base64-encoded)",
            (await Assert.ThrowsAsync<ValidatorConfigurationException>(() => JwksAsync(source))).Message);

    [Fact]
    public void Options_have_their_defaults_and_senselessly_short_times_are_ignored()
    {
        var plain = Options("x");
        Assert.Equal((TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(30), true), (plain.MinRefreshInterval, plain.RequestTimeout, plain.Roots is null));
        var set = JwksOptions.Read(Json("""{"source":"x","minRefreshInterval":"5m","requestTimeout":10}"""));
        Assert.Equal((TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(10)), (set.MinRefreshInterval, set.RequestTimeout));
        var shortest = JwksOptions.Read(Json("""{"source":"x","minRefreshInterval":"1s","requestTimeout":"1ms"}"""));
        Assert.Equal((TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(30)), (shortest.MinRefreshInterval, shortest.RequestTimeout));
        Assert.Throws<ValidatorConfigurationException>(() => JwksOptions.Read(Json("{}")));
        Assert.Throws<ValidatorConfigurationException>(() => JwksOptions.Read(Json("""{"source":"x","requestTimeout":"soon"}""")));
        Assert.Throws<ValidatorConfigurationException>(() => JwksOptions.Read(Json("""{"source":"x","caCertificate":"/not/there"}""")));
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private static JwksOptions Options(string source) => JwksOptions.Read(Json(new JsonObject { ["source"] = source }.ToJsonString()));

    private async Task<JwksValidator> JwksAsync(string? source = null)
    {
        var validator = new JwksValidator(new JwksSource(Options(source ?? Encoding.UTF8.GetString(TokenKey.Set(Key))), time, new ListLogger()), Bundles.Sentry, time);
        await Task.Run(() => validator.RunAsync(Token), Token);
        return validator;
    }

    private static async Task<string> RefusalAsync(JwksValidator validator, SignCertificateRequest request)
        => (await Assert.ThrowsAsync<ValidationException>(async () => await validator.ValidateAsync(request, Token))).Message;

    private static bool IsRefused(JwksValidator validator, string token)
    {
        try
        {
            validator.ValidateAsync(Request(token: token), Token).AsTask().GetAwaiter().GetResult();
            return false;
        }
        catch (ValidationException)
        {
            return true;
        }
    }

    // The last letter of base64 carries bits that count for nothing.
    private static bool IsSameSignature(string token, int at) => at == token.Length - 1;

    private static ValidatorTable Table(IRequestValidator? own, params string[] names)
        => new(own, [.. names.Select(n => new TokenValidatorSpec { Name = n })], _ => new InsecureValidator());

    private string Sign(Action<JsonObject>? change = null)
    {
        var payload = Payload();
        change?.Invoke(payload);
        return Key.Sign(payload);
    }

    private JsonObject Payload()
        => new() { ["aud"] = Bundles.Sentry.ToString(), ["sub"] = "spiffe://public/ns/shop/orders", ["exp"] = Seconds(600), ["iat"] = Seconds(0), ["nbf"] = Seconds(0) };

    private long Seconds(int from) => time.GetUtcNow().ToUnixTimeSeconds() + from;

    private string Unsigned(string algorithm)
        => $"{TokenKey.Encode(Encoding.UTF8.GetBytes($$"""{"alg":"{{algorithm}}","kid":"k1"}"""))}.{TokenKey.Encode(Encoding.UTF8.GetBytes(Payload().ToJsonString()))}.";

    // The public key's own text as the secret of an HMAC.
    private string Hmac()
    {
        var signed = Unsigned("HS256").TrimEnd('.');
        return $"{signed}.{TokenKey.Encode(System.Security.Cryptography.HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key.Jwk.ToJsonString()), Encoding.ASCII.GetBytes(signed)))}";
    }

    private static SignCertificateRequest Request(string id = "orders", string @namespace = "shop", string trustDomain = "", string token = "")
        => new() { Id = id, Namespace = @namespace, TrustDomain = trustDomain, Token = token, CertificateSigningRequest = ByteString.CopyFromUtf8("csr") };
}
