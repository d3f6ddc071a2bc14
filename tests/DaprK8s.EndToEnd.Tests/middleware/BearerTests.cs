using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.TestServers;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary>Tokens of an OpenID Connect issuer in front of the API.</summary>
public sealed class BearerTests
{
    private static readonly TokenKey Rsa = TokenKey.Create("rsa", "RS256");
    private static readonly TokenKey Ed = TokenKey.Create("ed", "EdDSA");

    [Fact]
    public async Task Only_good_tokens_pass()
    {
        await using var issuer = await OpenIdServer.StartAsync(Rsa, Ed);
        await using var app = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Header("Authorization") ?? "none")));
        await using var daprd = await Daprd.With(
            app: app, config: Pipelines.OfApi(("auth", "bearer")), resources: Pipelines.Component("auth", "bearer", ("issuer", issuer.Issuer), ("audience", "me")))
            .StartAsync(Until.Started);
        await daprd.Log.WaitForAsync("Component loaded: auth (middleware.http.bearer/v1)");
        var good = Rsa.Sign(issuer.Claims("me"));
        var expired = issuer.Claims("me");
        expired["exp"] = DateTimeOffset.UtcNow.AddMinutes(-10).ToUnixTimeSeconds();

        foreach (var token in new[] { good, Ed.Sign(issuer.Claims("me")) })
        {
            await Eventually.TrueAsync(async () => (await SendAsync(token)).Status == HttpStatusCode.OK, "the app can be called");
            Assert.Equal((HttpStatusCode.OK, "Bearer " + token), await SendAsync(token));
        }

        var seen = app.To("/x").Count;
        foreach (var token in new[]
        {
            null,
            Rsa.Sign(expired),
            Rsa.Sign(issuer.Claims("you")),
            Unsigned("none", issuer),
            WithHmac(issuer),
            TokenKey.Create("unknown", "RS256").Sign(issuer.Claims("me")),
            TokenKey.Create("rsa", "RS256").Sign(issuer.Claims("me")),
            good[..^4] + "AAAA",
        })
        {
            Assert.Equal((HttpStatusCode.Unauthorized, "Unauthorized"), await SendAsync(token));
        }

        Assert.Equal(seen, app.To("/x").Count);

        async Task<(HttpStatusCode Status, string Body)> SendAsync(string? token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1.0/invoke/{daprd.AppId}/method/x");
            request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            using var response = await daprd.Http.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task An_issuer_that_is_not_there_ends_the_start()
    {
        var (code, log) = await Daprd.With(
            resources: Pipelines.Component("auth", "bearer", ("issuer", $"http://127.0.0.1:{Ports.Take()}"), ("audience", "me"))
                .Replace("spec:", "spec:\n  initTimeout: 200ms", StringComparison.Ordinal)).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains("error creating HTTP middleware middleware.http.bearer/v1: "));
    }

    private static string Unsigned(string algorithm, OpenIdServer issuer)
        => TokenKey.Encode(Encoding.UTF8.GetBytes($$"""{"alg":"{{algorithm}}","kid":"rsa"}""")) + "." + TokenKey.Encode(Encoding.UTF8.GetBytes(issuer.Claims("me").ToJsonString())) + ".AAAA";

    // The old trick: the public key, which everybody has, as the secret of an HMAC.
    private static string WithHmac(OpenIdServer issuer)
    {
        using var rsa = RSA.Create();
        rsa.ImportParameters(new RSAParameters { Modulus = Bytes("n"), Exponent = Bytes("e") });
        var text = Unsigned("HS256", issuer)[..^5];
        return $"{text}.{TokenKey.Encode(HMACSHA256.HashData(Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()), Encoding.ASCII.GetBytes(text)))}";

        static byte[] Bytes(string name) => System.Buffers.Text.Base64Url.DecodeFromChars((string)Rsa.Jwk[name]!);
    }
}
