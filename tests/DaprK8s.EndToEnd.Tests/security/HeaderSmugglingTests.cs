using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Headers that mean one thing to one server and another to the next (attack checklist 18 to 20).</summary>
public sealed class HeaderSmugglingTests(HttpPair pair) : IClassFixture<HttpPair>
{
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

    public static TheoryData<string, string> Ambiguous => new()
    {
        { "two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n" },
        { "a list of lengths", "Content-Length: 5, 6\r\n" },
        { "a negative length", "Content-Length: -1\r\n" },
        { "a length in hex", "Content-Length: 0x5\r\n" },
        { "a length beyond all bounds", "Content-Length: 99999999999999999999\r\n" },
        { "an unknown coding at the end", "Transfer-Encoding: chunked, identity\r\n" },
        { "another coding", "Transfer-Encoding: xchunked\r\n" },
        { "a folded line", "X-A: b\r\n folded: c\r\n" },
        { "a folded length", "Content-Length:\r\n 5\r\n" },
        { "a space before the colon", "Content-Length : 5\r\n" },
        { "a bare line feed in a value", "X-A: b\nX-B: c\r\n\r\r\n" },
        { "a NUL in a value", "X-A: b\0c\r\n" },
        { "a carriage return in a value", "X-A: b\rX-B: c\r\n" },
        { "a header without a name", ": x\r\n" },
        { "two hosts", "Host: y\r\n" },
    };

    [Theory]
    [MemberData(nameof(Ambiguous))]
    public async Task Requests_that_can_be_read_in_two_ways_are_refused(string what, string headers)
    {
        var path = $"/ambiguous/{Guid.NewGuid():N}";
        pair.App.On(path, Reply.Ok);

        var (status, answer) = await Raw.SendAsync(
            pair.Caller.HttpPort, $"POST {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\nhello{Smuggled}");

        Assert.True(status is 0 or 400 or 501, $"{what}: {answer}");
        Assert.Empty(pair.App.To(path));
        Assert.DoesNotContain(pair.App.Requests.All, r => r.Target.Contains("smuggled", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Leg.Local)]
    [InlineData(Leg.Remote)]
    public async Task With_a_length_and_chunks_the_chunks_count_and_the_length_goes_no_further(Leg leg)
    {
        var path = $"/both/{leg}";
        pair.App.On(path, Reply.Ok);

        var answer = await RawHttp.ExchangeAsync(
            pair.From(leg).HttpPort,
            $"POST {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                + "GET /v1.0/metadata HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        // Refusing the request as a whole is as good (RFC 9112, section 6.1); what must not be is "hel" here and "lo…" as a request.
        Assert.All(pair.App.To(path), r => Assert.Equal("hello", r.Text));
        Assert.DoesNotContain("\r\n\r\nlo", answer);
        Assert.All(pair.App.To(path), r => Assert.NotEqual("3", r.Header("Content-Length")));
    }

    [Fact]
    public async Task A_length_is_passed_on_as_it_was_understood_and_not_as_it_was_written()
    {
        var path = $"/length/{Guid.NewGuid():N}";
        pair.App.On(path, Reply.Ok);

        // Kestrel takes "+5" and "005" for 5.
        foreach (var length in new[] { "+5", "005" })
        {
            await Raw.SendAsync(pair.Caller.HttpPort, $"POST {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\nhello{Smuggled}");
        }

        Assert.All(pair.App.To(path), r => Assert.Equal(("5", "hello"), (r.Header("Content-Length"), r.Text)));
        Assert.DoesNotContain(pair.App.Requests.All, r => r.Target.Contains("smuggled", StringComparison.Ordinal));
    }

    public static TheoryData<Leg, string> Connections => new MatrixTheoryData<Leg, string>(
        HttpPair.BothLegs,
        [
            "Connection: X-Named", "Connection: close, X-Named", "Connection: X-Named, close", "Connection: keep-alive, X-Named", "Connection: Keep-Alive,x-named",
            "Connection: close\r\nConnection: X-Named", "Connection: X-Named\r\nConnection: close", "Connection: keep-alive\r\nConnection: X-Named",
            "Connection: Upgrade, X-Named", "Connection: upgrade\r\nConnection: x-NAMED", "Connection: ,, X-Named ,", "Connection:\tX-Named", "Connection: X-Named\t,\tclose",
            "Connection: close, keep-alive, X-Named", "Connection: TE, X-Named",
        ]);

    [Theory]
    [MemberData(nameof(Connections))]
    public async Task What_Connection_names_is_dropped_beside_whatever_else_it_says(Leg leg, string connection)
    {
        var path = $"/named/{Guid.NewGuid():N}";
        pair.App.On(path, Reply.Ok);

        // HTTP/1.0 ends the connection with the answer where the header does not.
        var (status, answer) = await Raw.SendAsync(
            pair.From(leg).HttpPort,
            $"POST {pair.Path(path[1..])} HTTP/1.{(connection.Contains("lose", StringComparison.Ordinal) ? 1 : 0)}\r\nHost: x\r\n{connection}\r\n"
                + "X-Named: secret\r\nX-Kept: kept\r\nContent-Length: 4\r\n\r\nbody");

        Assert.True(status == 200, answer);
        var seen = Assert.Single(pair.App.To(path));
        Assert.Equal(("kept", "body"), (seen.Header("X-Kept"), seen.Text));
        Assert.DoesNotContain(seen.Headers, h => h.Value.Contains("secret") || h.Key.Equals("X-Named", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("keep-alive")]
    [InlineData("Keep-Alive, TE")]
    [InlineData("Upgrade, HTTP2-Settings")]
    public async Task What_only_concerns_the_connection_does_not_end_it(string connection)
    {
        using var client = await RawHttp.ConnectAsync(pair.Callee.HttpPort);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync($"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 204", await client.ReadUntilAsync("\r\n\r\n"));
        }
    }

    [Theory]
    [InlineData(Leg.Local)]
    [InlineData(Leg.Remote)]
    public async Task An_upgrade_is_neither_done_nor_passed_on(Leg leg)
    {
        var path = $"/upgrade/{leg}";
        pair.App.On(path, Reply.Ok);

        foreach (var protocol in new[] { "h2c", "websocket", "HTTP/2.0, TLS/1.2" })
        {
            var (status, answer) = await Raw.GetAsync(
                pair.From(leg).HttpPort, pair.Path(path[1..]), "GET", $"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Sec-WebSocket-Key: x");
            Assert.True(status == 200, answer);
        }

        Assert.Equal(3, pair.App.To(path).Count);
        Assert.All(pair.App.To(path), r => Assert.DoesNotContain(r.Headers.Keys, k => k.ToLowerInvariant() is "upgrade" or "http2-settings"));
    }

    [Theory]
    [InlineData(Leg.Local)]
    [InlineData(Leg.Remote)]
    public async Task Trailers_do_not_become_headers(Leg leg)
    {
        var path = $"/trailers/{leg}";
        pair.App.On(path, Reply.Ok);

        var answer = await RawHttp.ExchangeAsync(
            pair.From(leg).HttpPort,
            $"POST {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTrailer: dapr-caller-app-id, X-Late\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "4\r\nbody\r\n0\r\ndapr-caller-app-id: forged\r\nX-Late: late\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200", answer);
        var seen = Assert.Single(pair.App.To(path));
        Assert.Equal("body", seen.Text);
        Assert.DoesNotContain(seen.Headers, h => h.Value.Any(v => v is "forged" or "late"));
    }

    [Fact]
    public async Task Metadata_of_gRPC_callers_becomes_no_header_of_another_meaning()
    {
        var path = $"/injected/{Guid.NewGuid():N}";
        pair.App.On(path, Reply.Ok);
        var metadata = new Metadata
        {
            { "grpc-status", "0" }, { "grpc-message", "forged" }, { "content-length", "1" }, { "transfer-encoding", "chunked" }, { "connection", "x-kept" },
            { "host", "evil" }, { "te", "trailers" }, { "upgrade", "h2c" }, { "dapr-caller-app-id", "forged" }, { "dapr-callee-app-id", "forged" },
            { "x-forwarded-for", "203.0.113.9" }, { "x-kept", "kept" }, { "x-some-bin", [1, 2, 3] },
        };

        foreach (var key in new[] { "connection", "transfer-encoding", "upgrade", "te" })
        {
            // No client sends these over HTTP/2, and a server must refuse them.
            metadata.Remove(metadata.Get(key)!);
        }

        await pair.Caller.Grpc.InvokeServiceAsync(
            new()
            {
                Id = pair.Callee.AppId,
                Message = new() { Method = path, HttpExtension = new() { Verb = Protos.Common.V1.HTTPExtension.Types.Verb.Post }, Data = new() { Value = Google.Protobuf.ByteString.CopyFromUtf8("body") } },
            },
            metadata);

        var seen = Assert.Single(pair.App.To(path));
        Assert.Equal(("kept", "body"), (seen.Header("x-kept"), seen.Text));
        Assert.Equal($"127.0.0.1:{pair.App.Port}", seen.Header("Host"));
        Assert.Equal([pair.Caller.AppId], seen.Headers["dapr-caller-app-id"]);
        Assert.Equal([pair.Callee.AppId], seen.Headers["dapr-callee-app-id"]);
        Assert.DoesNotContain(seen.Headers.Keys, k => k.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) || k.EndsWith("-bin", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task An_apps_answer_cannot_split_the_callers()
    {
        var path = $"/split/{Guid.NewGuid():N}";
        using var app = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        app.Start();
        var port = ((System.Net.IPEndPoint)app.LocalEndpoint).Port;
        var served = Task.Run(async () =>
        {
            using var connection = await app.AcceptTcpClientAsync();
            _ = await connection.GetStream().ReadAtLeastAsync(new byte[4096], 1);
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close, X-Named\r\nX-Named: secret\r\nX-Bad: a\u0001b\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
            connection.Client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        });

        var (status, answer) = await Raw.GetAsync(pair.Caller.HttpPort, $"/v1.0/invoke/http://127.0.0.1:{port}/method{path}");
        await served;

        Assert.True(status is 200 or 500, answer);
        Assert.DoesNotContain("secret", answer);
        Assert.DoesNotContain("X-Bad", answer);
        Assert.DoesNotContain("Content-Length: 2\r\n", answer);
        Assert.True(status == 500 || answer.Contains("hello", StringComparison.Ordinal), answer);
    }
}
