using System.Net;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Which headers pass an invocation, which are dropped, and which the sidecars set.</summary>
public class HttpHeaderTests(HttpPair pair) : IClassFixture<HttpPair>
{
    private static readonly string[] HopByHop =
        ["Keep-Alive", "Proxy-Connection", "Upgrade", "HTTP2-Settings", "TE", "Trailer", "Proxy-Authorization", "Proxy-Authenticate"];

    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Headers_of_one_hop_and_those_that_Connection_names_are_dropped(Leg leg)
    {
        var path = $"/hops/{leg}";
        pair.App.On(path, Reply.Ok);

        // HTTP/1.0, so that the connection ends with the answer: beside "close" or "keep-alive", Kestrel forgets the names.
        var request = new StringBuilder($"GET {pair.Path(path[1..])} HTTP/1.0\r\nHost: x\r\nConnection: X-Named\r\nConnection: x-also-NAMED\r\n");
        foreach (var name in HopByHop)
        {
            request.Append($"{name}: secret\r\n");
        }

        var answer = await RawHttp.ExchangeAsync(
            pair.From(leg).HttpPort, request.Append("x-named: secret\r\nX-Also-Named: secret\r\nX-Kept: kept\r\n\r\n").ToString());

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        var seen = Assert.Single(pair.App.To(path));
        Assert.Equal("kept", seen.Header("X-Kept"));
        Assert.DoesNotContain(seen.Headers, h => h.Value.Contains("secret"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Headers_of_one_hop_in_the_answer_are_dropped(Leg leg)
    {
        var path = $"/hops-back/{leg}";
        pair.App.On(path, Reply.Of(200, "x")
            .With("Connection", "X-Named").With("X-Named", "secret").With("Proxy-Authenticate", "secret").With("Trailer", "secret").With("X-Kept", "kept"));

        var answer = await RawHttp.ExchangeAsync(pair.From(leg).HttpPort, $"GET {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Contains("X-Kept: kept", answer, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("secret", answer);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Ordinary_headers_pass_with_all_their_values(Leg leg)
    {
        var path = $"/ordinary/{leg}";
        pair.App.On(path, Reply.Ok);

        using var response = await pair.SendAsync(leg, "POST", pair.Path(path[1..]), r =>
        {
            r.Headers.TryAddWithoutValidation("X-Several", ["one", "two"]);
            r.Headers.TryAddWithoutValidation("X-Empty", "");
            r.Headers.TryAddWithoutValidation("X-Comma", "a, b");
            r.Headers.TryAddWithoutValidation("Authorization", "Bearer abc");
            r.Headers.TryAddWithoutValidation("Accept", "text/plain;q=0.5, */*");
            r.Headers.TryAddWithoutValidation("Accept-Encoding", "br");
            r.Headers.TryAddWithoutValidation("Cookie", "a=b; c=d");
            r.Headers.TryAddWithoutValidation("If-None-Match", "\"x\"");
            r.Headers.TryAddWithoutValidation("User-Agent", "tester/1");
            r.Headers.TryAddWithoutValidation("X-Secret-Bin", "AAAA");
            r.Headers.TryAddWithoutValidation("X-Long", new string('l', 3000));
            r.Content = new ByteArrayContent([1, 2, 3]);
            r.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-own; charset=latin1");
            r.Content.Headers.TryAddWithoutValidation("Content-Language", "de");
            r.Content.Headers.TryAddWithoutValidation("Content-Encoding", "own");
        });

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var seen = Assert.Single(pair.App.To(path));
        Assert.Equal("one, two", string.Join(", ", seen.Headers["X-Several"]));
        Assert.Equal("", seen.Header("X-Empty"));
        Assert.Equal("a, b", seen.Header("X-Comma"));
        Assert.Equal("Bearer abc", seen.Header("Authorization"));
        Assert.Equal("text/plain;q=0.5, */*", seen.Header("Accept"));
        Assert.Equal("br", seen.Header("Accept-Encoding"));
        Assert.Equal("a=b; c=d", seen.Header("Cookie"));
        Assert.Equal("\"x\"", seen.Header("If-None-Match"));
        Assert.Equal("tester/1", seen.Header("User-Agent"));
        Assert.Equal("application/x-own; charset=latin1", seen.Header("Content-Type"));
        Assert.Equal("de", seen.Header("Content-Language"));
        Assert.Equal("own", seen.Header("Content-Encoding"));
        Assert.Equal("3", seen.Header("Content-Length"));
        Assert.Equal(3000, seen.Header("X-Long")!.Length);
        Assert.Null(seen.Header("X-Secret-Bin"));
        Assert.Equal($"127.0.0.1:{pair.App.Port}", seen.Header("Host"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Text_beyond_ASCII_passes_both_ways(Leg leg)
    {
        var path = $"/beyond-ascii/{leg}";
        pair.App.OnStream(path, context =>
        {
            // Kestrel's own default refuses such a header; other servers send it.
            context.Response.Headers["X-Seen"] = Convert.ToHexString(Encoding.UTF8.GetBytes(context.Request.Headers["X-Name"].ToString()));
            return Task.CompletedTask;
        });

        var answer = await RawHttp.ExchangeAsync(
            pair.From(leg).HttpPort, $"GET {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nX-Name: Zoë\r\nConnection: close\r\n\r\n");

        Assert.Contains("X-Seen: " + Convert.ToHexString("Zoë"u8), answer, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(Leg.Local)]
    [InlineData(Leg.Remote)]
    public async Task Who_calls_whom_is_stamped_and_can_not_be_forged(Leg leg)
    {
        var path = $"/stamps/{leg}";
        pair.App.On(path, Reply.Ok);
        var forged = new[] { "dapr-caller-app-id", "Dapr-Caller-App-Id", "DAPR-CALLER-APP-ID", "dapr-Caller-Namespace", "Dapr-Callee-App-Id", "dapr-callee-APP-id", "destination-app-id", "Destination-App-Id" };

        await RawHttp.ExchangeAsync(
            pair.From(leg).HttpPort,
            $"GET {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{string.Concat(forged.Select(f => $"{f}: forged\r\n"))}\r\n");

        var seen = Assert.Single(pair.App.To(path));
        Assert.DoesNotContain(seen.Headers, h => h.Value.Any(v => v.Contains("forged", StringComparison.Ordinal)));
        Assert.Equal([pair.From(leg).AppId], seen.Headers["dapr-caller-app-id"]);
        Assert.Equal([pair.Callee.AppId], seen.Headers["dapr-callee-app-id"]);
        Assert.Single(seen.Headers["dapr-caller-namespace"]);
        Assert.Null(seen.Header("destination-app-id"));
    }

    [Fact]
    public async Task Where_a_remote_call_came_from_is_told_and_appended()
    {
        pair.App.On("/forwarded", Reply.Ok);

        using var response = await pair.SendAsync(Leg.Remote, "GET", pair.Path("forwarded"), r =>
        {
            r.Headers.Add("X-Forwarded-For", "192.0.2.7");
            r.Headers.Add("Forwarded", "for=192.0.2.7");
        });

        var seen = Assert.Single(pair.App.To("/forwarded"));
        Assert.Equal("192.0.2.7, 127.0.0.1", seen.Header("X-Forwarded-For"));
        Assert.Equal(Dns.GetHostName(), seen.Header("X-Forwarded-Host"));
        Assert.Equal($"for=192.0.2.7, for=127.0.0.1;by=127.0.0.1;host={Dns.GetHostName()}", seen.Header("Forwarded"));
    }

    [Fact]
    public async Task A_local_call_has_no_forwarding_headers()
    {
        pair.App.On("/not-forwarded", Reply.Ok);

        using var response = await pair.SendAsync(Leg.Local, "GET", pair.Path("not-forwarded"));

        var seen = Assert.Single(pair.App.To("/not-forwarded"));
        Assert.Null(seen.Header("X-Forwarded-For"));
        Assert.Null(seen.Header("X-Forwarded-Host"));
        Assert.Null(seen.Header("Forwarded"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task The_app_gets_the_token_of_its_own_sidecar_and_no_other(Leg leg)
    {
        var path = $"/token/{leg}";
        pair.App.On(path, Reply.Ok);

        using var response = await pair.SendAsync(leg, "GET", pair.Path(path[1..]), r => r.Headers.Add("dapr-api-token", "token-of-a-client"));

        Assert.Equal([HttpPair.AppToken], Assert.Single(pair.App.To(path)).Headers["dapr-api-token"]);
    }

    [Fact]
    public async Task The_token_of_the_API_is_asked_for_and_never_leaves_the_sidecar()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("/x", Reply.Ok));
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "secret" }).StartAsync();

        using var without = await caller.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/x");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1.0/invoke/{callee.AppId}/method/x") { Headers = { { "Dapr-Api-Token", "secret" } } };
        using var with = await caller.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, without.StatusCode);
        Assert.Equal(HttpStatusCode.OK, with.StatusCode);
        Assert.Null(Assert.Single(app.To("/x")).Header("dapr-api-token"));
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task The_trace_goes_on_through_the_app(Leg leg)
    {
        var path = $"/trace/{leg}";
        pair.App.On(path, Reply.Ok);
        const string trace = "0af7651916cd43dd8448eb211c80319c";

        using var response = await pair.SendAsync(leg, "GET", pair.Path(path[1..]), r => r.Headers.Add("traceparent", $"00-{trace}-b7ad6b7169203331-01"));

        Assert.Contains(trace, Assert.Single(pair.App.To(path)).Header("traceparent"));
        Assert.Contains(trace, Assert.Single(response.Headers.GetValues("traceparent")));
    }

    [Fact]
    public async Task Headers_beyond_the_limit_are_refused_and_a_larger_limit_lets_them_pass()
    {
        pair.App.On("/large-headers", Reply.Ok);
        await using var generous = await Daprd.With(flags: ["--read-buffer-size", "64Ki"]).StartAsync();
        var value = new string('x', 20_000);

        using var refused = await pair.SendAsync(Leg.Remote, "GET", pair.Path("large-headers"), r => r.Headers.Add("X-Large", value));
        using var request = new HttpRequestMessage(HttpMethod.Get, pair.Path("large-headers")) { Headers = { { "X-Large", value } } };
        using var passed = await generous.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, refused.StatusCode);
        Assert.Equal(HttpStatusCode.OK, passed.StatusCode);
        Assert.Equal(value, Assert.Single(pair.App.To("/large-headers")).Header("X-Large"));
    }
}
