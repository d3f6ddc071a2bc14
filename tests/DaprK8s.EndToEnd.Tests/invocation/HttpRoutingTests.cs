using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Which request becomes which call of the app: verbs, paths, queries, and the ways to name the target.</summary>
public class HttpRoutingTests(HttpPair pair) : IClassFixture<HttpPair>
{
    public static readonly MatrixTheoryData<Leg, string> Verbs = new(HttpPair.BothLegs, ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"]);

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Every_verb_reaches_the_app(Leg leg, string verb)
    {
        var path = $"/verbs/{leg}/{verb}";
        pair.App.On(path, Reply.Of(200, verb == "HEAD" ? "" : "done"));

        using var response = await pair.SendAsync(leg, verb, pair.Path(path[1..]));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(verb == "HEAD" ? "" : "done", await response.Content.ReadAsStringAsync());
        Assert.Equal(verb, Assert.Single(pair.App.To(path)).Method);
    }

    public static readonly MatrixTheoryData<Leg, string, bool> BodyVerbs = new(HttpPair.BothLegs, ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"], [true, false]);

    [Theory]
    [MemberData(nameof(BodyVerbs))]
    public async Task A_body_reaches_the_app_with_every_verb_that_may_have_one(Leg leg, string verb, bool chunked)
    {
        var path = $"/bodies/{leg}/{verb}/{chunked}";
        pair.App.On(path, r => Reply.Of(200, r.Text));

        using var response = await pair.SendAsync(leg, verb, pair.Path(path[1..]), r =>
        {
            r.Content = new StringContent("the body", Encoding.UTF8, "text/plain");
            r.Headers.TransferEncodingChunked = chunked;
        });

        Assert.Equal("the body", await response.Content.ReadAsStringAsync());
        Assert.Equal(chunked ? null : "8", Assert.Single(pair.App.To(path)).Header("Content-Length"));
    }

    [Fact]
    public async Task A_verb_of_the_apps_own_is_sent_as_POST_to_another_sidecar()
    {
        pair.App.On("/own-verb", Reply.Ok);

        using var remote = await pair.SendAsync(Leg.Remote, "BREW", pair.Path("own-verb"));

        Assert.Equal(HttpStatusCode.OK, remote.StatusCode);
        Assert.Equal("POST", Assert.Single(pair.App.To("/own-verb")).Method);
    }

    public static readonly MatrixTheoryData<Leg, (string Sent, string Seen)> Targets = new(
        HttpPair.BothLegs,
        [
            ("a/b", "/a/b"),
            ("a/b/", "/a/b"),
            ("a//b", "/a/b"),
            ("a/./b", "/a/b"),
            ("a/c/../b", "/a/b"),
            ("a%2Fb", "/a/b"),
            ("a/c%2F..%2Fb", "/a/b"),
            ("%2E%2E/%2E%2E/b", "/b"),
            ("..%2F..%2Fb", "/b"),
            ("method/method/x", "/method/method/x"),
            ("a%20b", "/a%20b"),
            ("caf%C3%A9", "/caf%C3%A9"),
            ("a+b", "/a+b"),
            ("a%3Bb=c@d:e", "/a;b=c@d:e"),
            ("a%5Cb", "/a%5Cb"),
            ("v1.0/state/store/key", "/v1.0/state/store/key"),
            ("http%3A%2F%2Fother%2Fx", "/http:/other/x"),
            ("", "/"),
            ("..", "/"),
            ("../../x", "/x"),
            ("a%2Fb/../c", "/a/c"),
        ]);

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task A_path_reaches_the_app_cleaned(Leg leg, (string Sent, string Seen) target)
    {
        pair.App.On("*", r => Reply.Of(200, r.Target));

        using var response = await pair.SendAsync(leg, "GET", pair.Path(target.Sent) + "?case=1");

        Assert.Equal(target.Seen + "?case=1", await response.Content.ReadAsStringAsync());
    }

    public static readonly MatrixTheoryData<Leg, string> Queries = new(
        HttpPair.BothLegs, ["a=1&b=2", "q=%2F%20+x&q=2", "metadata.ttlInSeconds=3", "redirect=http://x/y?z=1", "x=/../..//", "flag", "a=%C3%A9%zz"]);

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task A_query_reaches_the_app_as_it_was_sent(Leg leg, string query)
    {
        pair.App.On("/query", r => Reply.Of(200, r.Query));

        using var response = await pair.SendAsync(leg, "GET", pair.Path("query") + "?" + query);

        Assert.Equal(query, await response.Content.ReadAsStringAsync());
    }

    public static readonly MatrixTheoryData<Leg, string> BadMethods = new(HttpPair.BothLegs, ["a%23b", "a%3Fb", "a%0Ab", "a%7Fb", "a%01b"]);

    [Theory]
    [MemberData(nameof(BadMethods))]
    public async Task A_method_with_a_character_that_it_must_not_have_is_refused(Leg leg, string method)
    {
        using var response = await pair.SendAsync(leg, "GET", pair.Path("bad-method/" + method));

        var error = await ErrorAsync(response, HttpStatusCode.InternalServerError);
        Assert.Contains("invalid method: method contains", error);
        Assert.DoesNotContain(pair.App.Requests.All, r => r.Target.Contains("bad-method", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Leg.Local)]
    [InlineData(Leg.Remote)]
    public async Task A_percent_sign_that_is_left_after_decoding_makes_no_URL(Leg leg)
    {
        using var response = await pair.SendAsync(leg, "GET", pair.Path("a%25"));

        await ErrorAsync(response, HttpStatusCode.InternalServerError);
    }

    [Theory]
    [InlineData("a%00b")]
    [InlineData("%00")]
    public async Task A_NUL_never_reaches_the_app(string method)
    {
        using var response = await pair.SendAsync(Leg.Remote, "GET", pair.Path("nul/" + method));

        Assert.False(response.IsSuccessStatusCode);
        Assert.DoesNotContain(pair.App.Requests.All, r => r.Target.Contains("nul", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Leg.Local)]
    [InlineData(Leg.Remote)]
    public async Task The_target_may_stand_in_a_header(Leg leg)
    {
        pair.App.On("*", r => Reply.Of(200, r.Target));
        foreach (var (sent, seen) in new[] { ("/header/form?x=1", "/header/form?x=1"), ("/v1.0/invoke/nobody/method/x", "/v1.0/invoke/nobody/method/x"), ("/header//a/../b/", "/header/b"), ("/", "/") })
        {
            using var response = await pair.SendAsync(leg, "GET", sent, r => r.Headers.Add("dapr-app-id", pair.Callee.AppId));

            Assert.Equal(seen, await response.Content.ReadAsStringAsync());
            Assert.Null((await pair.App.WaitForAsync(seen.Split('?')[0]))[^1].Header("dapr-app-id"));
        }
    }

    [Fact]
    public async Task A_header_does_not_divert_a_request_that_has_a_route()
    {
        using var response = await pair.SendAsync(Leg.Remote, "GET", "/v1.0/metadata", r => r.Headers.Add("dapr-app-id", pair.Callee.AppId));

        var metadata = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(pair.Caller.AppId, metadata.GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_verb_that_a_route_does_not_have_goes_to_the_app_of_the_header()
    {
        pair.App.On("PATCH /v1.0/metadata", Reply.Of(200, "the app"));

        using var response = await pair.SendAsync(Leg.Remote, "PATCH", "/v1.0/metadata", r => r.Headers.Add("dapr-app-id", pair.Callee.AppId));

        Assert.Equal("the app", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("dapr-app-id")]
    [InlineData("Dapr-App-ID")]
    public async Task The_target_may_be_the_password_of_basic_authentication(string user)
    {
        pair.App.On("/basic", Reply.Ok);
        var credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{pair.Callee.AppId}"));

        using var response = await pair.SendAsync(Leg.Remote, "GET", "/basic", r => r.Headers.Authorization = new AuthenticationHeaderValue("Basic", credentials));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("Basic " + credentials, pair.App.To("/basic")[^1].Header("Authorization"));
    }

    [Theory]
    [InlineData("somebody:else")]
    [InlineData("dapr-app-id:with:colons")]
    [InlineData("dapr-app-id:")]
    public async Task Other_credentials_name_no_target(string credentials)
    {
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));

        using var response = await pair.SendAsync(Leg.Remote, "GET", "/x", r => r.Headers.TryAddWithoutValidation("Authorization", "Basic " + encoded));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task A_header_wins_over_credentials_and_path()
    {
        pair.App.On("*", r => Reply.Of(200, r.Target));
        var credentials = Convert.ToBase64String("dapr-app-id:nobody"u8);

        using var response = await pair.SendAsync(Leg.Remote, "GET", "/v1.0/invoke/nobody/method/precedence", r =>
        {
            r.Headers.Add("dapr-app-id", pair.Callee.AppId);
            r.Headers.Authorization = new AuthenticationHeaderValue("Basic", credentials);
        });

        Assert.Equal("/v1.0/invoke/nobody/method/precedence", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("GET", "/unknown")]
    [InlineData("GET", "/")]
    [InlineData("POST", "/v1.0/invoke/app/method")]
    [InlineData("POST", "/v1.0/invoke//method/x")]
    [InlineData("DELETE", "/v1.0/metadata")]
    [InlineData("OPTIONS", "/v1.0/healthz")]
    public async Task A_request_without_a_route_and_a_target_is_not_found(string verb, string target)
    {
        using var response = await pair.SendAsync(Leg.Remote, verb, target);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(
            """{"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"}""",
            await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("a.b.c", "invalid app id a.b.c")]
    [InlineData("nobody", "couldn't find service: nobody")]
    public async Task A_target_that_can_not_be_found_is_an_error_that_says_so(string id, string text)
    {
        using var response = await pair.SendAsync(Leg.Remote, "GET", $"/v1.0/invoke/{id}/method/x");

        var message = await ErrorAsync(response, HttpStatusCode.InternalServerError);
        Assert.StartsWith($"failed to invoke, id: {id}, err: ", message, StringComparison.Ordinal);
        Assert.Contains(text, message);
    }

    [Theory]
    [InlineData("/v1.0/invoke/{0}/method/slashes")]
    [InlineData("//v1.0//invoke/{0}//method//slashes")]
    [InlineData("/v1.0/./invoke/{0}/x/../method/slashes")]
    public async Task Slashes_and_dots_ahead_of_the_target_are_cleaned_too(string template)
    {
        pair.App.On("/slashes", Reply.Of(200, "found"));

        using var response = await pair.SendAsync(Leg.Remote, "GET", string.Format(System.Globalization.CultureInfo.InvariantCulture, template, pair.Callee.AppId));

        Assert.Equal("found", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task CONNECT_is_refused()
    {
        var answer = await RawHttp.ExchangeAsync(
            pair.Caller.HttpPort, $"CONNECT {pair.Callee.AppId}:80 HTTP/1.1\r\nHost: {pair.Callee.AppId}:80\r\ndapr-app-id: {pair.Callee.AppId}\r\nConnection: close\r\n\r\n");

        Assert.Matches("^HTTP/1.1 [45]\\d\\d ", answer);
    }

    [Fact]
    public async Task The_API_speaks_HTTP_2_as_well()
    {
        pair.App.On("POST /over-http2", r => Reply.Of(200, r.Text));
        using var request = new HttpRequestMessage(HttpMethod.Post, pair.Path("over-http2"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("body"),
        };

        using var response = await pair.Caller.Http.SendAsync(request);

        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal("body", await response.Content.ReadAsStringAsync());
    }

    private static async Task<string> ErrorAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        Assert.Equal(status, response.StatusCode);
        var body = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("ERR_DIRECT_INVOKE", body.GetProperty("errorCode").GetString());
        return body.GetProperty("message").GetString()!;
    }
}
