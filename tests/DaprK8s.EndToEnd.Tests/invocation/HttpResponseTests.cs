using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>What of an app's answer reaches the caller: all of it.</summary>
public class HttpResponseTests(HttpPair pair) : IClassFixture<HttpPair>
{
    public static readonly MatrixTheoryData<Leg, int> Statuses = new(
        HttpPair.BothLegs, [200, 201, 202, 299, 301, 302, 307, 400, 401, 403, 404, 409, 418, 429, 499, 500, 501, 502, 503, 504, 599]);

    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Statuses))]
    public async Task Every_status_passes_with_its_body(Leg leg, int status)
    {
        var path = $"/status/{leg}/{status}";
        pair.App.On(path, Reply.Json($$"""{"status":{{status}}}""", status).With("Location", "/elsewhere").With("Retry-After", "7"));

        using var response = await pair.SendAsync(leg, "POST", pair.Path(path[1..]), r => r.Content = new StringContent("x"));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal($$"""{"status":{{status}}}""", await response.Content.ReadAsStringAsync());
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("/elsewhere", response.Headers.Location?.OriginalString);
        Assert.Equal(["7"], response.Headers.GetValues("Retry-After"));
        Assert.Single(pair.App.To(path));
        Assert.Empty(pair.App.To("/elsewhere"));
    }

    public static readonly MatrixTheoryData<Leg, int, string> Bodiless = new(HttpPair.BothLegs, [204, 304], ["GET", "POST"]);

    [Theory]
    [MemberData(nameof(Bodiless))]
    public async Task An_answer_that_has_no_body_has_none(Leg leg, int status, string verb)
    {
        pair.App.On($"/bodiless/{status}", Reply.Of(status).With("ETag", "\"e\""));

        var answer = await RawHttp.ExchangeAsync(
            pair.From(leg).HttpPort, $"{verb} {pair.Path($"bodiless/{status}")} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Transfer-Encoding", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("ETag: \"e\"", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task HEAD_has_the_headers_and_no_body(Leg leg)
    {
        pair.App.OnStream("HEAD /head", context =>
        {
            context.Response.ContentLength = 1234;
            context.Response.ContentType = "text/x-own";
            context.Response.Headers["X-Own"] = "1";
            return Task.CompletedTask;
        });

        var answer = await RawHttp.ExchangeAsync(pair.From(leg).HttpPort, $"HEAD {pair.Path("head")} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/x-own", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-Own: 1", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task Headers_with_several_values_keep_them(Leg leg)
    {
        pair.App.OnStream("/several", context =>
        {
            context.Response.Headers["Set-Cookie"] = new(["a=1; Path=/", "b=2, x"]);
            context.Response.Headers["X-Empty"] = "";
            return Task.CompletedTask;
        });

        var answer = await RawHttp.ExchangeAsync(pair.From(leg).HttpPort, $"GET {pair.Path("several")} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Contains("\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2, x\r\n", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("\r\nX-Empty: \r\n", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_encoded_body_passes_untouched(Leg leg)
    {
        var body = new byte[] { 0x1f, 0x8b, 0, 1, 2, 3 };
        pair.App.On("/encoded", new Reply(200, body, "text/plain").With("Content-Encoding", "gzip"));

        using var response = await pair.SendAsync(leg, "GET", pair.Path("encoded"), r => r.Headers.Add("Accept-Encoding", "gzip"));

        Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(["gzip"], response.Content.Headers.ContentEncoding);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task An_answer_without_a_content_type_gets_none_of_the_apps(Leg leg)
    {
        pair.App.On("/typeless", new Reply(200, [1, 2, 3]));

        using var response = await pair.SendAsync(leg, "GET", pair.Path("typeless"));

        Assert.Equal([1, 2, 3], await response.Content.ReadAsByteArrayAsync());
        Assert.Null(response.Content.Headers.ContentType);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_large_answer_passes_whole(Leg leg)
    {
        var body = new byte[12_345_678];
        new Random(7).NextBytes(body);
        pair.App.On("/large", new Reply(200, body, "application/octet-stream"));

        using var response = await pair.SendAsync(leg, "GET", pair.Path("large"));

        Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
    }

    // What the app sends is no HTTP, or breaks the rules of it.
    public static readonly MatrixTheoryData<Leg, string> Garbage = new(
        HttpPair.BothLegs,
        [
            "",
            "garbage\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ]);

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task An_app_that_answers_with_garbage_is_an_error_of_that_call_only(Leg leg, string garbage)
    {
        using var app = new ScriptedApp(garbage);
        await using var callee = await Daprd.With(app: app).StartAsync();

        var port = (leg == Leg.Local ? callee : pair.Caller).HttpPort;
        var answer = await RawHttp.ExchangeAsync(port, $"GET /v1.0/invoke/{callee.AppId}/method/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        // Either an error, or an answer that is visibly not whole: a chunked one ends with an empty chunk.
        Assert.True(
            answer.StartsWith("HTTP/1.1 500 ", StringComparison.Ordinal) ? answer.Contains("ERR_DIRECT_INVOKE") : !answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal),
            answer);
        Assert.False(callee.HasExited);
        Assert.Empty(callee.Log.With("nhandled"));
    }

    public static readonly MatrixTheoryData<Leg, string> Odd = new(
        HttpPair.BothLegs, ["X-Odd: Zoë", "X-Odd: a\tb", "X-Odd: \u0001", "X-Odd: \u007f"]);

    [Theory]
    [MemberData(nameof(Odd))]
    public async Task A_header_that_is_odd_does_not_cost_the_answer(Leg leg, string header)
    {
        using var app = new ScriptedApp($"HTTP/1.1 200 OK\r\n{header}\r\nX-Kept: kept\r\nContent-Length: 4\r\n\r\nbody");
        await using var callee = await Daprd.With(app: app).StartAsync();

        var port = (leg == Leg.Local ? callee : pair.Caller).HttpPort;
        var answer = await RawHttp.ExchangeAsync(port, $"GET /v1.0/invoke/{callee.AppId}/method/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("X-Kept: kept", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("body", answer);
        if (header.Contains('ë'))
        {
            Assert.Contains("Zoë", answer);
        }
    }

    [Fact]
    public async Task An_app_that_does_not_listen_is_an_error_that_names_it()
    {
        await using var app = HttpApp.Stopped();
        await using var callee = await Daprd.With(app: app).StartAsync();

        using var local = await callee.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/x");
        using var remote = await pair.Caller.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/x");

        foreach (var response in new[] { local, remote })
        {
            Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
            var error = await response.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Contains("error invoking app channel", error.GetProperty("message").GetString());
        }
    }

    [Fact]
    public async Task A_sidecar_without_an_app_says_so()
    {
        await using var alone = await Daprd.With().StartAsync();

        using var local = await alone.Http.GetAsync($"/v1.0/invoke/{alone.AppId}/method/x");
        using var remote = await pair.Caller.Http.GetAsync($"/v1.0/invoke/{alone.AppId}/method/x");

        Assert.Contains("cannot invoke local endpoint: app channel not initialized", await local.Content.ReadAsStringAsync());
        Assert.Contains("app channel is not initialized", await remote.Content.ReadAsStringAsync());
    }

    /// <summary>Accepts connections, reads a request's head, sends what it was told to, and closes.</summary>
    private sealed class ScriptedApp : ITestApp, IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public ScriptedApp(string answer)
        {
            listener.Start();
            _ = ServeAsync(Encoding.UTF8.GetBytes(answer));
        }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public string Protocol => "http";

        public void Dispose() => listener.Dispose();

        private async Task ServeAsync(byte[] answer)
        {
            try
            {
                while (true)
                {
                    using var connection = await listener.AcceptTcpClientAsync();
                    var seen = new byte[64 << 10];
                    if (await connection.GetStream().ReadAsync(seen) > 0)
                    {
                        await connection.GetStream().WriteAsync(answer);
                    }
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
            {
            }
        }
    }
}
