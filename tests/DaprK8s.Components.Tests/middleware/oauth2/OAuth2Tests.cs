using System.Net;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Middleware.OAuth2;

public sealed class OAuth2Tests : IAsyncLifetime
{
    private const string Type = "middleware.http.oauth2";

    private readonly RecordingLogger log = new();
    private readonly FakeTimeProvider time = new();
    private OAuth2Server oauth = null!;

    public async ValueTask InitializeAsync() => oauth = await OAuth2Server.StartAsync();

    public ValueTask DisposeAsync() => oauth.DisposeAsync();

    [Fact]
    public async Task A_browser_logs_in_comes_back_to_where_it_was_and_its_requests_carry_the_token()
    {
        await using var server = await StartAsync(new() { ["scopes"] = "read,write" });
        var browser = new Browser(server);

        var toLogin = await browser.GetAsync("/orders/7?page=2");
        Assert.Equal(HttpStatusCode.Found, toLogin.StatusCode);
        var query = QueryHelpers.ParseQuery(toLogin.Headers.Location!.Query);
        Assert.Equal("read write", query["scope"]);
        Assert.True(Guid.TryParse(query["state"], out var state) && state.Version == 4);
        Assert.Equal(0, server.Reached);

        var callback = await browser.LogInAsync(toLogin);
        var back = await browser.GetAsync(callback);
        Assert.Equal(HttpStatusCode.Found, back.StatusCode);
        Assert.Equal("/orders/7?page=2", back.Headers.Location!.OriginalString);

        Assert.Equal("Bearer token-1", await browser.TextAsync("/orders/7?page=2"));
        Assert.Equal("Bearer token-1", await browser.TextAsync("/other?state=of-the-app"));
        Assert.Equal("authorization_code", Assert.Single(oauth.TokenRequests).Form["grant_type"]);
    }

    [Fact]
    public async Task The_cookie_says_nothing_and_is_for_http_only()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);

        var toLogin = await browser.GetAsync("/");

        var cookie = Assert.Single(toLogin.Headers.GetValues("Set-Cookie"));
        Assert.StartsWith("dapr-oauth2-under-test=", cookie, StringComparison.Ordinal);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("secure", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.True(browser.Cookie!.Split('=')[1].Length >= 43);
    }

    [Fact]
    public async Task With_forced_https_the_way_back_is_the_same_host_by_https_and_the_cookie_is_secure()
    {
        await using var server = await StartAsync(new() { ["forceHTTPS"] = "true" });
        var browser = new Browser(server) { Host = "shop.example.com" };

        var toLogin = await browser.GetAsync("/orders?x=a%2Fb");
        Assert.Contains("secure", Assert.Single(toLogin.Headers.GetValues("Set-Cookie")), StringComparison.OrdinalIgnoreCase);
        var back = await browser.GetAsync(await browser.LogInAsync(toLogin));

        Assert.Equal("https://shop.example.com/orders?x=a%2Fb", back.Headers.Location!.OriginalString);
    }

    [Theory]
    [InlineData("//evil.example.com/x", "/evil.example.com/x")]
    [InlineData("///evil.example.com", "/evil.example.com")]
    [InlineData("/%5Cevil.example.com", "/%5Cevil.example.com")]
    [InlineData("/%2F/evil.example.com", "/%2F/evil.example.com")]
    public async Task No_path_makes_the_way_back_lead_to_another_host(string path, string target)
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);

        var back = await browser.GetAsync(await browser.LogInAsync(await browser.GetAsync(path)));

        Assert.Equal(target, back.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task The_token_replaces_a_header_that_the_client_sent()
    {
        await using var server = await StartAsync(new() { ["authHeaderName"] = "x-user" });
        var browser = await LoggedInAsync(server);

        var answer = await browser.GetAsync("/", ("X-User", "Bearer forged"));

        Assert.Equal("Bearer token-1", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Logging_in_changes_the_id_of_the_session()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var toLogin = await browser.GetAsync("/");
        var before = browser.Cookie;

        await browser.GetAsync(await browser.LogInAsync(toLogin));

        Assert.NotEqual(before, browser.Cookie);
        Assert.Equal(HttpStatusCode.Found, (await new Browser(server) { Cookie = before }.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/")).StatusCode);
    }

    [Fact]
    public async Task A_call_back_with_a_state_that_was_not_given_out_is_refused()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        await browser.LogInAsync(await browser.GetAsync("/"));

        var answer = await browser.GetAsync("/?code=abc&state=made-up");

        await Refused(server, answer, HttpStatusCode.BadRequest, "invalid state");
    }

    [Fact]
    public async Task A_call_back_in_another_browser_is_refused()
    {
        await using var server = await StartAsync();
        var attacker = new Browser(server);
        var callback = await attacker.LogInAsync(await attacker.GetAsync("/"));
        var victim = new Browser(server);
        await victim.GetAsync("/");

        await Refused(server, await victim.GetAsync(callback), HttpStatusCode.BadRequest, "invalid state");
        await Refused(server, await new Browser(server).GetAsync(callback), HttpStatusCode.InternalServerError, "Internal Server Error");
        Assert.Empty(oauth.TokenRequests);
    }

    [Fact]
    public async Task A_call_back_without_a_code_is_refused()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var callback = await browser.LogInAsync(await browser.GetAsync("/"));

        var answer = await browser.GetAsync("/?error=access_denied&state=" + QueryHelpers.ParseQuery(new Uri(callback).Query)["state"]);

        await Refused(server, answer, HttpStatusCode.BadRequest, "code not found");
    }

    [Fact]
    public async Task A_state_counts_once()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var callback = await browser.LogInAsync(await browser.GetAsync("/"));
        oauth.Answer = context => OAuth2Server.WriteAsync(context, 500, "oops");
        await Refused(server, await browser.GetAsync(callback), HttpStatusCode.InternalServerError, "Internal Server Error");
        oauth.Answer = null;

        await Refused(server, await browser.GetAsync(callback), HttpStatusCode.BadRequest, "invalid state");
    }

    [Theory]
    [InlineData(400, """{"error":"invalid_grant","error_description":"s3cr3t/+"}""")]
    [InlineData(200, "<html>")]
    [InlineData(200, """{"access_token":"a\nb"}""")]
    public async Task A_code_that_buys_no_token_logs_nobody_in(int status, string text)
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var callback = await browser.LogInAsync(await browser.GetAsync("/"));
        oauth.Answer = context => OAuth2Server.WriteAsync(context, status, text);

        await Refused(server, await browser.GetAsync(callback), HttpStatusCode.InternalServerError, "Internal Server Error");

        Assert.Contains(log.Lines, l => l.Level == LogLevel.Error && l.Text.Contains("a login failed", StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, l => l.Text.Contains("s3cr3t", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.Found, (await browser.GetAsync("/")).StatusCode);
    }

    [Fact]
    public async Task A_slow_token_endpoint_lets_nothing_through_meanwhile()
    {
        var gate = new TaskCompletionSource();
        oauth.Gate = gate.Task;
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var callback = await browser.LogInAsync(await browser.GetAsync("/"));
        var back = browser.GetAsync(callback);
        await Eventually.TrueAsync(() => oauth.TokenRequests.Count == 1, "the code is exchanged");

        Assert.Equal(HttpStatusCode.Found, (await browser.GetAsync("/")).StatusCode);
        Assert.Equal(0, server.Reached);

        gate.SetResult();
        Assert.Equal(HttpStatusCode.Found, (await back).StatusCode);
    }

    [Fact]
    public async Task A_session_ends_with_its_token()
    {
        oauth.ExpiresIn = "600";
        await using var server = await StartAsync();
        var browser = await LoggedInAsync(server);

        time.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal("Bearer token-1", await browser.TextAsync("/"));

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Found, (await browser.GetAsync("/")).StatusCode);
    }

    [Fact]
    public async Task A_login_has_ten_minutes()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var callback = await browser.LogInAsync(await browser.GetAsync("/"));

        time.Advance(TimeSpan.FromMinutes(10));

        await Refused(server, await browser.GetAsync(callback), HttpStatusCode.InternalServerError, "Internal Server Error");
    }

    [Fact]
    public async Task Two_tabs_log_in_side_by_side()
    {
        await using var server = await StartAsync();
        var browser = new Browser(server);
        var first = await browser.LogInAsync(await browser.GetAsync("/one"));
        await browser.LogInAsync(await browser.GetAsync("/two"));

        var back = await browser.GetAsync(first);

        Assert.Equal("/one", back.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task Paths_that_the_filter_does_not_match_need_no_login()
    {
        await using var server = await StartAsync(new() { ["pathFilter"] = "^/private" });
        var browser = new Browser(server);

        Assert.Equal("", await browser.TextAsync("/public?state=1"));
        Assert.Equal(HttpStatusCode.Found, (await browser.GetAsync("/private")).StatusCode);
        Assert.Equal(HttpStatusCode.Found, (await browser.GetAsync("//private")).StatusCode);
    }

    [Theory]
    [InlineData("clientID", "", "is required")]
    [InlineData("clientSecret", "", "is required")]
    [InlineData("authURL", "login", "expected an absolute http or https URL")]
    [InlineData("tokenURL", "", "expected an absolute http or https URL")]
    [InlineData("authHeaderName", "a b", "is not the name of a header")]
    [InlineData("pathFilter", "[", "Parameter 'pathFilter' is not a valid regex: ")]
    public async Task A_wrong_setting_is_refused(string name, string value, string problem)
    {
        var e = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(new() { [name] = value }));

        Assert.Equal(name, e.Field);
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    private static async Task Refused(OneMiddleware server, HttpResponseMessage answer, HttpStatusCode status, string text)
    {
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(text, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, server.Reached);
    }

    private static async Task<Browser> LoggedInAsync(OneMiddleware server)
    {
        var browser = new Browser(server);
        await browser.GetAsync(await browser.LogInAsync(await browser.GetAsync("/")));
        return browser;
    }

    private async Task<OneMiddleware> StartAsync(Dictionary<string, string>? more = null)
    {
        Dictionary<string, string> metadata = new()
        {
            ["clientID"] = OAuth2Server.ClientId,
            ["clientSecret"] = OAuth2Server.ClientSecret,
            ["authURL"] = oauth.AuthUrl,
            ["tokenURL"] = oauth.TokenUrl,
            ["redirectURL"] = "http://public.example.com/callback",
        };
        var middleware = await ComponentUnderTest.StartAsync<IHttpMiddleware>(Type, ComponentUnderTest.Merge(metadata, more), time: time, logger: log);
        var header = more?.GetValueOrDefault("authHeaderName") ?? "Authorization";
        return await OneMiddleware.StartAsync(middleware, context => context.Response.WriteAsync(context.Request.Headers[header].ToString()));
    }
}
