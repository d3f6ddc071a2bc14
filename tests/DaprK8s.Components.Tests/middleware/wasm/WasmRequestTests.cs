using System.Net;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Tests.Middleware.Wasm;

public sealed class WasmRequestTests : WasmBench
{
    private const string Next = "(i64.const 1)";
    private const string Answer = "(i64.const 0)";

    [Fact]
    public async Task Headers_are_set_added_and_removed()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (call $set_header_value (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 16) (i32.const 3))
            (call $add_header_value (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 16) (i32.const 3))
            (call $remove_header (i32.const 0) (i32.const 48) (i32.const 6))
            (call $set_header_value (i32.const 1) (i32.const 0) (i32.const 5) (i32.const 16) (i32.const 3))
            """ + Next,
            Guest.Data(0, "x-set") + Guest.Data(16, "new") + Guest.Data(32, "x-add") + Guest.Data(48, "x-gone")));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("x-set", "old");
        request.Headers.Add("x-add", "old");
        request.Headers.Add("x-gone", "old");

        using var answer = await server.Client.SendAsync(request, Stop);

        Assert.Equal("GET / / x-add=old|new x-set=new []", await Text(answer));
        Assert.Equal(["new"], answer.Headers.GetValues("x-set"));
    }

    [Fact]
    public async Task Names_and_values_of_headers_are_read_each_ended_by_a_zero()
    {
        // The names are written out as the answer, then the two values of x-many.
        var server = await StartAsync(Guest.OnRequest(
            """
            (local.set $r (call $get_header_names (i32.const 0) (i32.const 1024) (i32.const 1000)))
            (call $write_body (i32.const 1) (i32.const 1024) (i32.wrap_i64 (local.get $r)))
            (local.set $r (call $get_header_values (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 1024) (i32.const 1000)))
            (if (i64.ne (i64.shr_u (local.get $r) (i64.const 32)) (i64.const 2)) (then unreachable))
            (call $write_body (i32.const 1) (i32.const 1024) (i32.wrap_i64 (local.get $r)))
            """ + Answer,
            Guest.Data(0, "X-Many")));
        using var request = new HttpRequestMessage(HttpMethod.Get, server.Url);
        request.Headers.Add("X-Many", "one");
        request.Headers.Add("X-Many", "two");

        Assert.Equal("host\0x-many\0one\0two\0", await Text(Raw(server, "GET / HTTP/1.1\r\nX-Many: one\r\nHost: a\r\nX-Many: two\r\nConnection: close\r\n\r\n")));

        static async Task<string> Text(Task<string> raw) => (await raw).Split("\r\n\r\n", 2)[1].Replace("connection\0", "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_written_where_there_is_too_little_room_but_the_length_is_told()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (i32.store8 (i32.const 512) (i32.const 33))
            (i32.store8 (i32.const 256) (i32.add (call $get_uri (i32.const 512) (i32.const 3)) (i32.const 48)))
            (if (i64.ne (call $get_header_names (i32.const 2) (i32.const 512) (i32.const 100)) (i64.const 0)) (then unreachable))
            (call $write_body (i32.const 1) (i32.const 256) (i32.const 1))
            (call $write_body (i32.const 1) (i32.const 512) (i32.const 1))
            """ + Answer));

        Assert.Equal("5!", await Text(server.Client.GetAsync("/four", Stop)));
    }

    [Fact]
    public async Task Method_and_target_are_read_and_rewritten()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (call $set_header_value (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 512) (call $get_method (i32.const 512) (i32.const 99)))
            (call $set_header_value (i32.const 0) (i32.const 8) (i32.const 3) (i32.const 512) (call $get_uri (i32.const 512) (i32.const 99)))
            (call $set_header_value (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 512) (call $get_protocol_version (i32.const 512) (i32.const 99)))
            (call $set_method (i32.const 24) (i32.const 4))
            (call $set_uri (i32.const 32) (i32.const 21))
            """ + Next,
            Guest.Data(0, "x-m") + Guest.Data(8, "x-u") + Guest.Data(16, "x-v") + Guest.Data(24, "POST") + Guest.Data(32, "/new%26path?a=b%26c&d=")));

        Assert.Equal(
            "POST /new%26path?a=b%26c&d /new&path?a=b%26c&d x-m=DELETE x-u=/old%26path?q=%20 x-v=HTTP/1.1 []",
            await Text(server.Client.DeleteAsync("/old%26path?q=%20", Stop)));
    }

    [Fact]
    public async Task The_client_s_address_is_told()
    {
        var server = await StartAsync(Guest.OnRequest(
            "(call $write_body (i32.const 1) (i32.const 512) (call $get_source_addr (i32.const 512) (i32.const 99)))" + Answer));

        Assert.Matches("^127\\.0\\.0\\.1:[0-9]+$", await Text(server.Client.GetAsync("/", Stop)));
    }

    [Fact]
    public async Task A_guest_answers_by_itself()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (call $set_status_code (i32.const 401))
            (call $set_header_value (i32.const 1) (i32.const 0) (i32.const 16) (i32.const 32) (i32.const 5))
            (call $write_body (i32.const 1) (i32.const 64) (i32.const 3))
            (call $write_body (i32.const 1) (i32.const 67) (i32.const 5))
            """ + Answer,
            Guest.Data(0, "WWW-Authenticate") + Guest.Data(32, "Basic") + Guest.Data(64, "go away")));

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("Basic", answer.Headers.WwwAuthenticate.ToString());
        Assert.Equal("go away\0", await Text(answer));
        Assert.Equal(0, server.Reached);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task A_body_that_a_guest_has_read_is_still_there_for_the_app(int features)
    {
        var server = await StartAsync(Guest.OnRequest(
            $"(drop (call $enable_features (i32.const {features}))) (drop (call $read_body (i32.const 0) (i32.const 0) (i32.const 3)))" + Next));

        // At first the guest waits for the body; then it is known to read bodies, and they are read ahead of it.
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("POST / / [hello world]", await Text(server.Client.PostAsync("/", new StringContent("hello world"), Stop)));
        }
    }

    [Fact]
    public async Task A_guest_reads_a_body_in_pieces_until_its_end()
    {
        // Answers with the pieces, each followed by whether it was the last.
        var server = await StartAsync(Guest.OnRequest(
            """
            (loop $more
              (local.set $r (call $read_body (i32.const 0) (i32.const 512) (i32.const 4)))
              (call $write_body (i32.const 1) (i32.const 512) (i32.wrap_i64 (local.get $r)))
              (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.wrap_i64 (i64.shr_u (local.get $r) (i64.const 32)))))
              (call $write_body (i32.const 1) (i32.const 600) (i32.const 1))
              (br_if $more (i64.eqz (i64.shr_u (local.get $r) (i64.const 32)))))
            """ + Answer));

        Assert.Equal("abcd0ef1", await Text(server.Client.PostAsync("/", new StringContent("abcdef"), Stop)));
        Assert.Equal("1", await Text(server.Client.GetAsync("/", Stop)));
    }

    [Fact]
    public async Task A_guest_replaces_the_request_s_body()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (call $write_body (i32.const 0) (i32.const 0) (i32.const 3))
            (call $write_body (i32.const 0) (i32.const 3) (i32.const 4))
            """ + Next,
            Guest.Data(0, "replaced")));

        Assert.Equal("POST / / [replace]", await Text(server.Client.PostAsync("/", new StringContent("much longer than that"), Stop)));
    }

    [Fact]
    public async Task A_body_beyond_the_limit_flows_on_unless_the_guest_reads_that_far()
    {
        var start = Guest.OnRequest("(drop (call $enable_features (i32.const 1))) (drop (call $read_body (i32.const 0) (i32.const 0) (i32.const 100)))" + Next);
        var all = Guest.OnRequest("(drop (call $read_body (i32.const 0) (i32.const 0) (i32.const 2000)))" + Next);
        var body = new string('a', 1500);

        var server = await StartAsync(start, ("maxBodySize", "1000"));
        Assert.Equal($"POST / / [{body}]", await Text(server.Client.PostAsync("/", new StringContent(body), Stop)));
        Assert.Equal($"POST / / [{body}]", await Text(server.Client.PostAsync("/", new StringContent(body), Stop)));

        server = await StartAsync(all, ("maxBodySize", "1000"));
        using var refused = await server.Client.PostAsync("/", new StringContent(body), Stop);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        Assert.Equal(0, server.Reached);
    }

    [Fact]
    public async Task A_guest_that_waits_for_a_body_that_does_not_come_is_not_left_waiting()
    {
        var server = await StartAsync(
            Guest.OnRequest("(drop (call $read_body (i32.const 0) (i32.const 0) (i32.const 100)))" + Next), ("guestTimeout", "2s"));

        var answer = await Raw(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");

        Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
        Assert.Equal(0, server.Reached);
    }

    [Fact]
    public async Task Requests_at_the_same_time_have_instances_of_their_own()
    {
        var gate = new TaskCompletionSource();

        // Counts its calls in its memory: an instance that is used again goes on counting, one that is in use is not shared.
        var server = await StartAsync(
            Guest.OnRequest(
                """
                (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
                (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 0)) (i32.const 48)))
                (call $set_header_value (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 8) (i32.const 1))
                """ + Next,
                Guest.Data(16, "x-n")),
            GateAsync);

        Assert.Equal("1", await Text(server.Client.GetAsync("/", Stop)));
        var first = Text(server.Client.GetAsync("/wait", Stop));
        await Support.Eventually.TrueAsync(() => server.Reached == 2, "the app has the request");
        Assert.Equal("1", await Text(server.Client.GetAsync("/", Stop)));
        gate.SetResult();
        Assert.Equal("2", await first);

        async Task GateAsync(HttpContext context)
        {
            if (context.Request.Path == "/wait")
            {
                await gate.Task;
            }

            await context.Response.WriteAsync(context.Request.Headers["x-n"].ToString());
        }
    }

    private static async Task<string> Raw(OneMiddleware server, string request)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port, Stop);
        var stream = client.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(request), Stop);
        if (request.Contains("close", StringComparison.Ordinal))
        {
            using var reader = new StreamReader(stream);
            return await reader.ReadToEndAsync(Stop);
        }

        var part = new byte[4096];
        return System.Text.Encoding.ASCII.GetString(part, 0, await stream.ReadAsync(part, Stop));
    }
}
