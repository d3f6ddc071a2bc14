using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.Middleware.Opa;

/// <summary><c>middleware.http.opa</c> in front of an app, over a real socket.</summary>
public sealed class OpaMiddlewareTests : IAsyncDisposable
{
    private const int MaxBody = 4096;

    private readonly RecordingLogger logger = new();
    private readonly List<IAsyncDisposable> running = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (var disposable in running)
        {
            await disposable.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("allow = true", 200)]
    [InlineData("allow = false", 403)]
    [InlineData("allow { true }", 200)]
    [InlineData("default allow = false\nallow { input.request.method == \"POST\" }", 403)]
    [InlineData("allow = {\"allow\": true}", 200)]
    [InlineData("allow = {\"allow\": false}", 403)]
    [InlineData("allow = {\"status_code\": 418}", 418)]
    [InlineData("allow = {\"allow\": false, \"status_code\": 401}", 401)]
    [InlineData("allow = {\"allow\": true, \"status_code\": 401}", 200)]
    public async Task A_policy_allows_or_denies(string policy, int status)
    {
        using var client = await StartAsync(policy);

        using var response = await client.GetAsync("/x", Cancel);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(status == 200, (await response.Content.ReadAsStringAsync(Cancel)).StartsWith("app:", StringComparison.Ordinal));
        Assert.False(response.Headers.Contains("x-dapr-opa-error"));
    }

    [Fact]
    public async Task A_denied_request_is_answered_with_status_and_headers()
    {
        using var client = await StartAsync(
            "allow = {\"allow\": false, \"status_code\": 301, \"additional_headers\": {\"location\": \"https://my.site/login\", \"x-key\": \"abc\"}}");

        using var response = await client.GetAsync("/", Cancel);

        Assert.Equal(HttpStatusCode.MovedPermanently, response.StatusCode);
        Assert.Equal("https://my.site/login", response.Headers.Location?.OriginalString);
        Assert.Equal("abc", Assert.Single(response.Headers.GetValues("x-key")));
        Assert.Equal("Moved Permanently", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("text/plain; charset=utf-8", response.Content.Headers.ContentType?.ToString());
    }

    [Fact]
    public async Task An_allowed_request_carries_the_headers_on_and_loses_its_own_of_that_name()
    {
        using var client = await StartAsync("allow = {\"allow\": true, \"additional_headers\": {\"x-user\": \"ann\"}}");
        client.DefaultRequestHeaders.Add("x-user", "mallory");

        Assert.Equal("app:|x-user=ann", await client.GetStringAsync("/", Cancel));
    }

    [Theory]
    [InlineData("/a/b", "input.request.path == \"/a/b\"; input.request.path_parts == [\"a\", \"b\"]")]
    [InlineData("/a/b/", "input.request.path == \"/a/b/\"; input.request.path_parts == [\"a\", \"b\"]")]
    [InlineData("/", "input.request.path_parts == [\"\"]; input.request.raw_query == \"\"; input.request.query == {}")]
    [InlineData("/a%2Fb%20c", "input.request.path_parts == [\"a\", \"b c\"]")]
    [InlineData("/x?a=1&b=x%20y&a=2+3&bad=1;2", "input.request.query == {\"a\": [\"1\", \"2 3\"], \"b\": [\"x y\"]}; input.request.raw_query == \"a=1&b=x%20y&a=2+3&bad=1;2\"")]
    [InlineData("/x", "input.request.method == \"GET\"; input.request.scheme == \"http\"; input.request.body == \"\"; input.request.headers == {}")]
    public async Task The_policy_sees_the_request(string target, string conditions)
    {
        using var client = await StartAsync($"default allow = false\nallow {{ {conditions} }}");

        using var response = await client.GetAsync(target, Cancel);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("", "object.keys(input.request.headers) == set()")]
    [InlineData("x-bad-header", "input.request.headers == {\"X-Bad-Header\": \"1\"}")]
    [InlineData("X-BAD-header, x-other ,,missing", "input.request.headers == {\"X-Bad-Header\": \"1\", \"X-Other\": \"2, 3\"}")]
    public async Task Only_included_headers_are_seen(string included, string condition)
    {
        using var client = await StartAsync($"default allow = false\nallow {{ {condition} }}", ("includedHeaders", included));
        client.DefaultRequestHeaders.Add("x-bad-header", "1");
        client.DefaultRequestHeaders.Add("x-other", ["2", "3"]);

        using var response = await client.GetAsync("/", Cancel);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_token_decides_and_its_subject_goes_on_as_a_header()
    {
        using var client = await StartAsync(
            """
            default allow = false

            # Admins get through, with a header for the app; everybody else is sent away.
            allow = {"allow": true, "additional_headers": {"x-user": jwt.payload.sub}} {
                input.request.path_parts[0] == "admin"
                jwt.valid
                jwt.payload.roles[_] == "admin"
            }

            allow = {"allow": false, "status_code": 401, "additional_headers": {"www-authenticate": "Bearer"}} {
                input.request.path_parts[0] == "admin"
                not jwt.valid
            }

            jwt = {"payload": payload, "valid": valid} {
                auth_header := input.request.headers["Authorization"]
                startswith(auth_header, "Bearer ")
                token := substring(auth_header, count("Bearer "), -1)
                [_, payload, _] := io.jwt.decode(token)
                valid := io.jwt.verify_hs256(token, "secret")
            }
            """,
            ("includedHeaders", "Authorization"));

        Assert.Equal((200, "app:|x-user=ann"), await SendAsync(client, "/admin", Token("""{"sub":"ann","roles":["dev","admin"]}""", "secret")));
        Assert.Equal((403, "Forbidden"), await SendAsync(client, "/admin", Token("""{"sub":"bob","roles":["dev"]}""", "secret")));
        Assert.Equal((401, "Unauthorized"), await SendAsync(client, "/admin", Token("""{"sub":"eve","roles":["admin"]}""", "guess")));
        Assert.Equal((401, "Unauthorized"), await SendAsync(client, "/admin", "nonsense"));
        Assert.Equal((401, "Unauthorized"), await SendAsync(client, "/admin", null));
        Assert.Equal((403, "Forbidden"), await SendAsync(client, "/other", Token("""{"roles":["admin"]}""", "secret")));
    }

    [Theory]
    [InlineData("true", "allow", 200)]
    [InlineData("true", "deny", 403)]
    [InlineData("false", "allow", 403)]
    [InlineData("", "allow", 403)]
    public async Task A_body_is_seen_when_asked_for_and_still_reaches_the_app(string readBody, string body, int status)
    {
        using var client = await StartAsync("default allow = false\nallow = { \"allow\": true } { input.request.body == \"allow\" }", ("readBody", readBody));

        using var response = await client.PostAsync("/", new StringContent(body), Cancel);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(status == 200 ? "app:allow|" : "Forbidden", await response.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_body_of_JSON_can_be_looked_into()
    {
        using var client = await StartAsync("default allow = false\nallow { json.unmarshal(input.request.body).order.total < 100 }", ("readBody", "true"));

        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync("/", new StringContent("""{"order": {"total": 99.5}}"""), Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.PostAsync("/", new StringContent("""{"order": {"total": 100}}"""), Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.PostAsync("/", new StringContent("{"), Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_body_over_the_limit_is_not_read_nor_let_through()
    {
        using var client = await StartAsync("allow = true", ("readBody", "true"));

        using var response = await client.PostAsync("/", new ByteArrayContent(new byte[MaxBody + 1]), Cancel);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Theory]
    [InlineData("allow = 1")]
    [InlineData("allow = \"true\"")]
    [InlineData("allow = [true]")]
    [InlineData("allow { false }")]
    [InlineData("other = true")]
    [InlineData("allow = true\nallow = {\"allow\": true}")]
    [InlineData("allow = {\"allow\": \"true\"}")]
    [InlineData("allow = {\"allow\": false, \"status_code\": 42}")]
    [InlineData("allow = {\"allow\": false, \"status_code\": 301.5}")]
    [InlineData("allow = {\"allow\": true, \"additional_headers\": {\"x-a\": 1}}")]
    [InlineData("allow = {\"allow\": true, \"additional_headers\": {\"x-a\": \"1\\r\\nx-b: 2\"}}")]
    [InlineData("allow = {\"allow\": true, \"additional_headers\": {\"x a\": \"1\"}}")]
    [InlineData("allow = {\"allow\": true, \"additional_headers\": {\"Content-Length\": \"5\"}}")]
    [InlineData("allow { x := numbers.range(1, 3000)[_]; numbers.range(1, 3000)[_] > x + 5000 }")]
    public async Task An_evaluation_without_a_decision_refuses_the_request(string policy)
    {
        using var client = await StartAsync(policy, ("defaultStatus", "503"), ("includedHeaders", "x-secret"));
        client.DefaultRequestHeaders.Add("x-secret", "s3cret");

        using var response = await client.GetAsync("/s3cret", Cancel);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("true", Assert.Single(response.Headers.GetValues("x-dapr-opa-error")));
        Assert.Contains(logger.Lines, l => l.Level == LogLevel.Warning && l.Text.Contains("error processing rego policy", StringComparison.Ordinal));
        Assert.DoesNotContain(logger.Lines, l => l.Text.Contains("s3cret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_package_decides_nothing()
    {
        using var client = await StartAsync("package http.authz\nallow = true", bare: true);

        using var response = await client.GetAsync("/", Cancel);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.True(response.Headers.Contains("x-dapr-opa-error"));
    }

    [Theory]
    [InlineData("package http\nallow {", "line 2, column 8")]
    [InlineData("package http\n\nallow { x }", "line 3, column 9: rego_unsafe_var_error: var x is unsafe")]
    [InlineData("package http\nallow { http.send({}) }", "line 2, column 9: rego_type_error: http.send is not offered")]
    [InlineData("package http\nallow { allow }", "line 2, column 1: rego_recursion_error")]
    [InlineData("allow = true", "line 1, column 1: rego_parse_error: package expected")]
    public async Task A_policy_that_does_not_compile_fails_the_component_with_line_and_column(string policy, string expected)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => MakeAsync(policy));

        Assert.Equal("rego", error.Field);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("99")]
    [InlineData("600")]
    [InlineData("2.9")]
    [InlineData("forbidden")]
    public async Task A_default_status_that_is_none_fails_the_component(string status)
    {
        var error = await Assert.ThrowsAsync<ComponentMetadataException>(() => MakeAsync("package http\nallow = true", ("defaultStatus", status)));

        Assert.Equal("defaultStatus", error.Field);
    }

    [Fact]
    public async Task Without_a_policy_the_component_fails()
        => Assert.Equal("rego", (await Assert.ThrowsAsync<ComponentMetadataException>(() => MakeAsync(""))).Field);

    [Fact]
    public async Task Many_requests_at_once_are_decided_each_for_itself()
    {
        using var client = await StartAsync(
            "default allow = false\nallow { to_number(input.request.path_parts[0]) % 2 == 0; {x | x := input.request.path_parts[_]} == {input.request.path_parts[0]} }");

        await Parallel.ForEachAsync(Enumerable.Range(0, 300), Cancel, async (i, cancel) =>
        {
            using var response = await client.GetAsync($"/{i}", cancel);
            Assert.Equal(i % 2 == 0 ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
        });
    }

    private static string Token(string payload, string secret)
    {
        var signed = Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload));
        return signed + "." + Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed)));
    }

    private static async Task<(int Status, string Body)> SendAsync(HttpClient client, string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("authorization", "Bearer " + token);
        }

        using var response = await client.SendAsync(request, Cancel);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancel));
    }

    private async Task<IHttpMiddleware> MakeAsync(string policy, params (string Name, string Value)[] metadata)
    {
        var middleware = await ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.opa", [new("rego", policy), .. metadata.Select(m => KeyValuePair.Create(m.Name, m.Value))], logger: logger);
        running.Add(middleware);
        return middleware;
    }

    private Task<HttpClient> StartAsync(string rules, params (string Name, string Value)[] metadata) => StartAsync(rules, false, metadata);

    /// <summary>An app that answers with the body it got and the header <c>x-user</c>, behind the middleware.</summary>
    private async Task<HttpClient> StartAsync(string rules, bool bare, params (string Name, string Value)[] metadata)
    {
        var middleware = await MakeAsync(bare ? rules : "package http\n" + rules, metadata);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(o => o.Limits.MaxRequestBodySize = MaxBody).UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(context => middleware.InvokeAsync(context, async passed =>
        {
            using var reader = new StreamReader(passed.Request.Body);
            var body = await reader.ReadToEndAsync();
            await passed.Response.WriteAsync($"app:{body}|{(passed.Request.Headers.TryGetValue("x-user", out var user) ? "x-user=" + user : "")}");
        }));
        await app.StartAsync(Cancel);
        running.Insert(0, app);
        return new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Urls.Single()) };
    }
}
