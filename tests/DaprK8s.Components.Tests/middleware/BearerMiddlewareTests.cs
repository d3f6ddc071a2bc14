using System.Text.Json.Nodes;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Middleware;

public sealed class BearerMiddlewareTests
{
    private static readonly TokenKey Key = TokenKey.Create("one", "RS256");
    private readonly FakeTimeProvider time = new(DateTimeOffset.UtcNow);

    [Fact]
    public async Task A_good_token_passes_and_stays_on_the_request()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        await using var middleware = await MakeAsync(issuer);
        var token = Key.Sign(issuer.Claims("me"));

        foreach (var scheme in new[] { "Bearer", "bearer", "BEARER" })
        {
            var passage = await SendAsync(middleware, $"{scheme} {token}");
            Assert.True(passage.Passed);
            Assert.Equal($"{scheme} {token}", passage.Context.Request.Headers.Authorization);
        }
    }

    [Fact]
    public async Task All_else_is_answered_with_401()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        await using var middleware = await MakeAsync(issuer);
        var good = Key.Sign(issuer.Claims("me"));
        var other = TokenKey.Create("two", "RS256");
        string?[] refused =
        [
            null, "", "Bearer", "Bearer ", "Bearer short", $"Basic {good}", good, $"Bearer {good}x", $"Bearer  {good}",
            $"Bearer {other.Sign(issuer.Claims("me"))}",
            $"Bearer {other.Sign(issuer.Claims("me"), new JsonObject { ["kid"] = "one" })}",
            $"Bearer {Key.Sign(issuer.Claims("you"))}",
            $"Bearer {Key.Sign(With(issuer, "iss", issuer.Issuer + "/"))}",
            $"Bearer {Key.Sign(With(issuer, "exp", DateTimeOffset.UtcNow.AddMinutes(-6).ToUnixTimeSeconds()))}",
            $"Bearer {Key.Sign(With(issuer, "nbf", DateTimeOffset.UtcNow.AddMinutes(6).ToUnixTimeSeconds()))}",
            $"Bearer {Key.Sign("""{"alg":"none","kid":"one"}""", issuer.Claims("me").ToJsonString())}",
        ];

        foreach (var authorization in refused)
        {
            var passage = await SendAsync(middleware, authorization);
            Assert.False(passage.Passed, authorization);
            Assert.Equal(401, passage.Status);
            Assert.StartsWith("Bearer", passage.Context.Response.Headers.WWWAuthenticate.ToString(), StringComparison.Ordinal);
        }

        var two = await Passage.ThroughAsync(middleware, "/", headers: [("Authorization", $"Bearer {good}"), ("Authorization", "Bearer another-token")]);
        Assert.False(two.Passed);
        Assert.Equal(1, issuer.KeyFetches);
    }

    [Fact]
    public async Task A_key_set_given_by_its_address_needs_no_discovery()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        issuer.ClaimedIssuer = "nobody asks";
        await using var middleware = await MakeAsync(issuer, ("jwksURL", issuer.Issuer + "/keys"));

        Assert.True((await SendAsync(middleware, $"Bearer {Key.Sign(issuer.Claims("me"))}")).Passed);
    }

    [Fact]
    public async Task Old_names_of_the_settings_count()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        await using var middleware = await Passage.MakeAsync("bearer", ("issuerURL", issuer.Issuer), ("clientID", "me"));

        Assert.True((await SendAsync(middleware, $"Bearer {Key.Sign(issuer.Claims("me"))}")).Passed);
    }

    [Fact]
    public async Task New_keys_are_fetched_for_the_first_token_that_needs_them_but_not_within_ten_minutes()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        await using var middleware = await MakeAsync(issuer);
        var next = TokenKey.Create("next", "ES256");
        issuer.Keys = [next];
        var token = $"Bearer {next.Sign(Later(issuer))}";

        Assert.False((await SendAsync(middleware, token)).Passed);
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.False((await SendAsync(middleware, token)).Passed);
        Assert.Equal(1, issuer.KeyFetches);

        time.Advance(TimeSpan.FromMinutes(2));
        Assert.True((await SendAsync(middleware, token)).Passed);
        Assert.Equal(2, issuer.KeyFetches);
        Assert.False((await SendAsync(middleware, $"Bearer {Key.Sign(Later(issuer))}")).Passed);
    }

    [Fact]
    public async Task After_a_long_pause_a_withdrawn_key_no_longer_counts()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        await using var middleware = await MakeAsync(issuer);
        issuer.Keys = [TokenKey.Create("next", "ES256")];
        time.Advance(TimeSpan.FromHours(8));

        Assert.False((await SendAsync(middleware, $"Bearer {Key.Sign(Later(issuer))}")).Passed);
    }

    [Fact]
    public async Task While_the_issuer_is_away_the_keys_at_hand_go_on_counting()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        await using var middleware = await MakeAsync(issuer);
        var token = $"Bearer {Key.Sign(Later(issuer))}";
        issuer.KeyStatus = 503;
        time.Advance(TimeSpan.FromHours(8));

        Assert.True((await SendAsync(middleware, token)).Passed);
        Assert.True((await SendAsync(middleware, token)).Passed);
        await Eventually.TrueAsync(() => issuer.KeyFetches >= 2, "the keys are asked for");
        issuer.KeyStatus = 200;
        issuer.Keys = [];
        time.Advance(TimeSpan.FromHours(1));
        Assert.True((await SendAsync(middleware, token)).Passed);
    }

    [Fact]
    public async Task Wrong_settings_are_told()
    {
        await using var issuer = await OpenIdServer.StartAsync(Key);
        AssertText("metadata property 'issuer' is required", await Assert.ThrowsAsync<ComponentMetadataException>(() => Passage.MakeAsync("bearer", ("audience", "me"))));
        AssertText("metadata property 'audience' is required", await Assert.ThrowsAsync<ComponentMetadataException>(() => Passage.MakeAsync("bearer", ("issuer", "me"))));
        AssertText("failed to retrieve OpenID Configuration document: ", await Assert.ThrowsAnyAsync<Exception>(() => Passage.MakeAsync("bearer", ("issuer", issuer.Issuer + "/none"), ("audience", "me"))));
        AssertText("failed to retrieve OpenID Configuration document: ", await Assert.ThrowsAnyAsync<Exception>(() => Passage.MakeAsync("bearer", ("issuer", issuer.Issuer + "/"), ("audience", "me"))));
        AssertText("failed to fetch JWKS: ", await Assert.ThrowsAnyAsync<Exception>(() => MakeAsync(issuer, ("jwksURL", issuer.Issuer + "/none"))));
        issuer.Keys = [];
        AssertText("failed to fetch JWKS: ", await Assert.ThrowsAnyAsync<Exception>(() => MakeAsync(issuer)));

        static void AssertText(string text, Exception e) => Assert.Contains(text, e.Message, StringComparison.Ordinal);
    }

    private static JsonObject With(OpenIdServer issuer, string claim, JsonNode value)
    {
        var claims = issuer.Claims("me");
        claims[claim] = value;
        return claims;
    }

    private static JsonObject Later(OpenIdServer issuer) => With(issuer, "exp", DateTimeOffset.UtcNow.AddDays(2).ToUnixTimeSeconds());

    private Task<IHttpMiddleware> MakeAsync(OpenIdServer issuer, params (string Name, string Value)[] more)
        => ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.bearer",
            new Dictionary<string, string>([new("issuer", issuer.Issuer), new("audience", "me"), .. more.Select(m => new KeyValuePair<string, string>(m.Name, m.Value))]),
            time: time);

    private static Task<Passage> SendAsync(IHttpMiddleware middleware, string? authorization)
        => Passage.ThroughAsync(middleware, "/", headers: authorization is null ? [] : [("Authorization", authorization)]);
}
