using System.Net;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Middleware.OAuth2ClientCredentials;

public sealed class OAuth2ClientCredentialsTests : IAsyncLifetime
{
    private const string Type = "middleware.http.oauth2clientcredentials";

    private readonly RecordingLogger log = new();
    private readonly FakeTimeProvider time = new();
    private OAuth2Server oauth = null!;

    public async ValueTask InitializeAsync() => oauth = await OAuth2Server.StartAsync();

    public ValueTask DisposeAsync() => oauth.DisposeAsync();

    [Fact]
    public async Task A_request_gets_the_token_in_the_named_header_in_place_of_what_the_client_sent()
    {
        await using var server = await StartAsync();

        using var request = new HttpRequestMessage(HttpMethod.Get, "/orders");
        request.Headers.TryAddWithoutValidation("x-token", "mine");
        using var answer = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal("Bearer token-1", await Text(answer));
        var form = Assert.Single(oauth.TokenRequests).Form;
        Assert.Equal("client_credentials", form["grant_type"]);
        Assert.Equal("read write", form["scope"]);
    }

    [Fact]
    public async Task The_token_is_kept_until_shortly_before_it_expires()
    {
        await using var server = await StartAsync();
        Assert.Equal("Bearer token-1", await GetAsync(server));

        time.Advance(TimeSpan.FromSeconds(3569));
        Assert.Equal("Bearer token-1", await GetAsync(server));

        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("Bearer token-2", await GetAsync(server));
        Assert.Equal(2, oauth.TokenRequests.Count);
    }

    [Fact]
    public async Task A_token_without_a_lifetime_is_kept_for_five_minutes()
    {
        oauth.ExpiresIn = null;
        await using var server = await StartAsync();
        Assert.Equal("Bearer token-1", await GetAsync(server));

        time.Advance(TimeSpan.FromMinutes(4));
        Assert.Equal("Bearer token-1", await GetAsync(server));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("Bearer token-2", await GetAsync(server));
    }

    [Fact]
    public async Task A_lifetime_may_be_written_as_a_text()
    {
        oauth.ExpiresIn = "\"100\"";
        await using var server = await StartAsync();
        Assert.Equal("Bearer token-1", await GetAsync(server));

        time.Advance(TimeSpan.FromSeconds(91));
        Assert.Equal("Bearer token-2", await GetAsync(server));
    }

    [Fact]
    public async Task Many_requests_at_a_time_fetch_one_token()
    {
        var gate = new TaskCompletionSource();
        oauth.Gate = gate.Task;
        await using var server = await StartAsync();

        var waiting = Enumerable.Range(0, 20).Select(_ => GetAsync(server)).ToArray();
        await Eventually.TrueAsync(() => oauth.TokenRequests.Count > 0, "the token endpoint is asked");
        gate.SetResult();

        Assert.All(await Task.WhenAll(waiting), value => Assert.Equal("Bearer token-1", value));
        Assert.Single(oauth.TokenRequests);
    }

    [Fact]
    public async Task A_request_that_gives_up_does_not_take_the_fetch_from_the_others()
    {
        var gate = new TaskCompletionSource();
        oauth.Gate = gate.Task;
        await using var server = await StartAsync();
        using var impatient = new CancellationTokenSource();
        var first = server.Client.GetAsync("/", impatient.Token);
        await Eventually.TrueAsync(() => oauth.TokenRequests.Count > 0, "the token endpoint is asked");
        var second = GetAsync(server);

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        gate.SetResult();

        Assert.Equal("Bearer token-1", await second);
        Assert.Single(oauth.TokenRequests);
    }

    [Theory]
    [InlineData("0", true, false, true)]
    [InlineData("0", false, true, false)]
    [InlineData("1", true, true, false)]
    [InlineData("2", true, true, true)]
    public async Task The_client_shows_its_credentials_where_the_server_wants_them(string style, bool acceptsHeader, bool acceptsForm, bool inHeader)
    {
        oauth.Accepts = (acceptsHeader, acceptsForm);
        await using var server = await StartAsync(new() { ["authStyle"] = style });

        Assert.Equal("Bearer token-1", await GetAsync(server));

        var last = oauth.TokenRequests[^1];
        Assert.Equal(inHeader, last.Authorization is not null);
        Assert.Equal(!inHeader, last.Form.ContainsKey("client_secret"));
    }

    [Fact]
    public async Task What_was_found_out_about_the_server_is_remembered()
    {
        oauth.Accepts = (false, true);
        await using var server = await StartAsync();
        await GetAsync(server);
        Assert.Equal(2, oauth.TokenRequests.Count);

        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("Bearer token-2", await GetAsync(server));
        Assert.Equal(3, oauth.TokenRequests.Count);
    }

    [Fact]
    public async Task More_parameters_go_to_the_token_endpoint()
    {
        await using var server = await StartAsync(new() { ["endpointParamsQuery"] = "audience=https%3A%2F%2Fapi&resource=a&resource=b" });

        await GetAsync(server);

        var form = Assert.Single(oauth.TokenRequests).Form;
        Assert.Equal("https://api", form["audience"]);
        Assert.Equal("a,b", form["resource"]);
    }

    public static TheoryData<string, int, string, string> BadAnswers => new()
    {
        { "error", 400, """{"error":"invalid_scope","error_description":"the secret is s3cr3t/+"}""", "application/json" },
        { "server error", 503, "down", "text/plain" },
        { "no token", 200, """{"token_type":"bearer"}""", "application/json" },
        { "garbage", 200, "<html>Login</html>", "application/json" },
        { "no object", 200, "[1]", "application/json" },
        { "a second line", 200, """{"access_token":"a\r\nx-admin: 1"}""", "application/json" },
        { "a type with a second line", 200, """{"access_token":"a","token_type":"b\r\nc"}""", "application/json" },
        { "a huge answer", 200, "{\"access_token\":\"" + new string('a', 2_000_000) + "\"}", "application/json" },
    };

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task Without_a_token_the_request_fails_and_goes_no_further(string what, int status, string text, string contentType)
    {
        oauth.Answer = context => OAuth2Server.WriteAsync(context, status, text, contentType);
        await using var server = await StartAsync();

        using var answer = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.True(answer.StatusCode == HttpStatusCode.InternalServerError, what);
        Assert.Equal(0, server.Reached);
        Assert.Contains(log.Lines, l => l.Level == LogLevel.Error && l.Text.Contains("under-test (middleware.http.oauth2clientcredentials/v1): no token", StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, l => l.Text.Contains("s3cr3t", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_secret_does_not_follow_a_redirect()
    {
        await using var elsewhere = await OneMiddleware.StartAsync(
            null, context => OAuth2Server.WriteAsync(context, 200, """{"access_token":"stolen"}"""));
        oauth.Answer = context =>
        {
            context.Response.Headers.Location = elsewhere.Url;
            return OAuth2Server.WriteAsync(context, 307, "");
        };
        await using var server = await StartAsync(new() { ["authStyle"] = "1" });

        using var answer = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal(0, elsewhere.Reached);
    }

    [Fact]
    public async Task A_server_that_is_away_fails_the_request()
    {
        await using var server = await StartAsync();
        await oauth.DisposeAsync();

        using var answer = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal(0, server.Reached);
    }

    [Fact]
    public async Task A_server_in_trouble_is_asked_again_after_a_second()
    {
        oauth.Answer = context => OAuth2Server.WriteAsync(context, 503, "down");
        await using var server = await StartAsync();
        for (var i = 0; i < 5; i++)
        {
            using var refused = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.InternalServerError, refused.StatusCode);
        }

        Assert.Single(oauth.TokenRequests);

        oauth.Answer = null;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("Bearer token-1", await GetAsync(server));
    }

    [Fact]
    public async Task A_token_that_cannot_be_renewed_is_used_until_it_expires()
    {
        await using var server = await StartAsync();
        await GetAsync(server);
        oauth.Answer = context => OAuth2Server.WriteAsync(context, 503, "down");

        time.Advance(TimeSpan.FromSeconds(3580));
        Assert.Equal("Bearer token-1", await GetAsync(server));

        time.Advance(TimeSpan.FromSeconds(20));
        using var answer = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
    }

    [Fact]
    public async Task A_form_is_an_answer_too()
    {
        oauth.Answer = context => OAuth2Server.WriteAsync(context, 200, "access_token=abc&token_type=mac&expires_in=60", "application/x-www-form-urlencoded");
        await using var server = await StartAsync();

        Assert.Equal("MAC abc", await GetAsync(server));
    }

    [Theory]
    [InlineData("/admin/users", true)]
    [InlineData("/public/admin", false)]
    [InlineData("/public", false)]
    [InlineData("//admin/users", true)]
    [InlineData("/%2Fadmin", true)]
    public async Task Only_paths_that_the_filter_matches_get_a_token_however_they_are_written(string path, bool matches)
    {
        await using var server = await StartAsync(new() { ["pathFilter"] = "^/admin" });

        using var answer = await server.Client.GetAsync(server.Url + path, TestContext.Current.CancellationToken);

        Assert.Equal(matches ? "Bearer token-1" : "", await Text(answer));
    }

    [Fact]
    public async Task A_filter_that_would_backtrack_for_ever_is_quick()
    {
        await using var server = await StartAsync(new() { ["pathFilter"] = "^/(a+)+$" });

        using var answer = await server.Client.GetAsync("/" + new string('a', 4000) + "!", TestContext.Current.CancellationToken);

        Assert.Equal("", await Text(answer));
    }

    [Fact]
    public async Task Everything_that_is_missing_is_named_at_once()
    {
        var e = await Assert.ThrowsAsync<ComponentMetadataException>(() => ComponentUnderTest.StartAsync<IHttpMiddleware>(
            Type, new Dictionary<string, string> { ["clientID"] = "a", ["tokenURL"] = "http://localhost", ["authStyle"] = "3" }));

        Assert.EndsWith(
            "metadata errors: Parameter 'headerName' needs to be set. Parameter 'clientSecret' needs to be set. Parameter 'scopes' needs to be set. "
            + "Parameter 'authStyle' can only have the values 0,1,2. Received: '3'. ",
            e.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pathFilter", "(", "Parameter 'pathFilter' is not a valid regex: ")]
    [InlineData("tokenURL", "file:///etc/passwd", "expected an absolute http or https URL")]
    [InlineData("headerName", "x y", "'headerName' is not the name of a header")]
    public async Task A_wrong_setting_is_refused(string name, string value, string problem)
    {
        var e = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(new() { [name] = value }));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    private async Task<OneMiddleware> StartAsync(Dictionary<string, string>? more = null)
    {
        Dictionary<string, string> metadata = new()
        {
            ["clientID"] = OAuth2Server.ClientId,
            ["clientSecret"] = OAuth2Server.ClientSecret,
            ["scopes"] = "read,write",
            ["tokenURL"] = oauth.TokenUrl,
            ["headerName"] = "x-token",
        };
        var middleware = await ComponentUnderTest.StartAsync<IHttpMiddleware>(Type, ComponentUnderTest.Merge(metadata, more), time: time, logger: log);
        return await OneMiddleware.StartAsync(middleware, context => context.Response.WriteAsync(context.Request.Headers["x-token"].ToString()));
    }

    private static async Task<string> GetAsync(OneMiddleware server)
    {
        using var answer = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await Text(answer);
    }

    private static Task<string> Text(HttpResponseMessage answer) => answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
