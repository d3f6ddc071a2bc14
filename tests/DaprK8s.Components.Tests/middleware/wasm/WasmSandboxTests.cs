using System.Net;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Tests.Middleware.Wasm;

public sealed class WasmSandboxTests : WasmBench
{
    private const string Next = "(i64.const 1)";

    public static TheoryData<string> Faults => new()
    {
        "unreachable",
        "(drop (i32.load (i32.const 70000)))",
        "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
        "(call $deep)",
        "(drop (call $get_uri (i32.const 65535) (i32.const 100)))",
        "(drop (call $get_uri (i32.const -1) (i32.const 100)))",
        "(drop (call $get_config (i32.const 65530) (i32.const 100)))",
        "(drop (call $get_header_names (i32.const 0) (i32.const 65532) (i32.const 1000)))",
        "(call $set_uri (i32.const 65530) (i32.const 7))",
        "(call $set_uri (i32.const 1) (i32.const -1))",
        "(call $set_header_value (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 65536) (i32.const 1))",
        "(call $write_body (i32.const 1) (i32.const 65000) (i32.const 1000))",
        "(drop (call $read_body (i32.const 0) (i32.const 65000) (i32.const 1000)))",
        "(call $log (i32.const 2) (i32.const 65536) (i32.const 1))",
        "(drop (call $random_get (i32.const 65530) (i32.const 100)))",
        "(drop (call $fd_write (i32.const 1) (i32.const 65530) (i32.const 1) (i32.const 0)))",
        "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0x40000000) (i32.const 0)))",
        "(drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65530)))",
        "(drop (call $read_body (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(drop (call $read_body (i32.const 2) (i32.const 0) (i32.const 1)))",
        "(call $set_header_value (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1))",
        "(call $set_header_value (i32.const 0) (i32.const 8) (i32.const 3) (i32.const 0) (i32.const 1))",
        "(call $set_header_value (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 3))",
        "(call $set_header_value (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))",
        "(call $set_header_value (i32.const 9) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))",
        "(call $set_method (i32.const 8) (i32.const 3))",
        "(call $set_uri (i32.const 0) (i32.const 1))",
        "(call $set_status_code (i32.const 99))",
        "(call $proc_exit (i32.const 0))",
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_guest_that_faults_fails_the_request_and_the_next_one_finds_a_sound_instance(string instruction)
    {
        var server = await StartAsync(
            Guest.OnRequest(
                $"(if (i32.eq (call $get_uri (i32.const 256) (i32.const 64)) (i32.const 4)) (then {instruction})) " + Next,
                Guest.Data(0, "x") + Guest.Data(8, "a\r\nb") + "(func $deep (call $deep))"),
            ("guestConfig", "0123456789"));

        using var answer = await server.Client.GetAsync("/bad", Stop);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("Internal Server Error", await Text(answer));
        Assert.Equal(0, server.Reached);
        Assert.Single(Log.Lines, l => l.Level == LogLevel.Error && l.Text.StartsWith("under-test (middleware.http.wasm/v1): the guest failed on a request: ", StringComparison.Ordinal));
        Assert.Equal("GET / / []", await Text(server.Client.GetAsync("/", Stop)));
    }

    [Theory]
    [InlineData("(loop $ever (br $ever))")]
    [InlineData("(loop $ever (drop (call $log_enabled (i32.const 0))) (br $ever))")]
    [InlineData("(i64.store (i32.const 24) (i64.const 60000000000)) (drop (call $poll_oneoff (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))) (loop $ever (br $ever))")]
    public async Task A_guest_that_does_not_end_is_stopped(string instructions)
    {
        var server = await StartAsync(Guest.OnRequest(instructions + Next), ("guestTimeout", "200ms"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => server.Client.GetAsync("/", Stop)));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode));
        Assert.Equal(0, server.Reached);
        Assert.Contains(Log.Lines, l => l.Text.Contains("it took longer than it may (guestTimeout)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_guest_gets_no_more_memory_than_it_may()
    {
        // Growing by 16 pages works, by another 16 it does not.
        var server = await StartAsync(
            Guest.OnRequest(
                """
                (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                """ + Next),
            ("maxMemory", "2Mi"));

        Assert.Equal("GET / / []", await Text(server.Client.GetAsync("/", Stop)));
        await Assert.ThrowsAsync<ComponentMetadataException>(() => LoadAsync(Guest.OnRequest(Next), ("maxMemory", "1Ki")));
    }

    [Fact]
    public async Task What_a_guest_writes_is_bounded()
    {
        var server = await StartAsync(
            Guest.OnRequest("(loop $ever (call $write_body (i32.const 1) (i32.const 0) (i32.const 1000)) (br $ever))" + Next), ("maxBodySize", "1Mi"));

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains(Log.Lines, l => l.Text.Contains("(maxBodySize)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task More_requests_than_instances_wait_and_are_refused_in_the_end()
    {
        var gate = new TaskCompletionSource();
        var server = await StartAsync(Guest.OnRequest(Next), _ => gate.Task, ("maxInstances", "1"), ("guestTimeout", "2s"));
        var first = server.Client.GetAsync("/", Stop);
        await Eventually.TrueAsync(() => server.Reached == 1, "the app has the request");

        using var second = await server.Client.GetAsync("/", Stop);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        gate.SetResult();
        using var answer = await first;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var third = await server.Client.GetAsync("/", Stop);
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
    }

    [Fact]
    public async Task A_middleware_that_is_replaced_serves_its_last_requests_to_the_end()
    {
        TaskCompletionSource[] gates = [new(), new()];
        var middleware = await LoadAsync(Guest.OnResponse("(call $set_status_code (i32.const 201))"));
        await using var server = await OneMiddleware.StartAsync(middleware, context => gates[context.Request.Path == "/0" ? 0 : 1].Task);
        Task<HttpResponseMessage>[] pending = [server.Client.GetAsync("/0", Stop), server.Client.GetAsync("/1", Stop)];
        await Eventually.TrueAsync(() => server.Reached == 2, "the app has the requests");

        await middleware.DisposeAsync();
        using var late = await server.Client.GetAsync("/late", Stop);
        Assert.Equal(HttpStatusCode.InternalServerError, late.StatusCode);
        Assert.Equal(2, server.Reached);

        for (var i = 0; i < 2; i++)
        {
            gates[i].SetResult();
            using var answer = await pending[i];
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        }
    }

    [Fact]
    public async Task A_guest_logs_and_what_it_prints_is_logged()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (call $log (i32.const -1) (i32.const 0) (i32.const 5))
            (call $log (i32.const 2) (i32.const 0) (i32.const 3))
            (call $log (i32.const 3) (i32.const 0) (i32.const 2))
            (i32.store (i32.const 32) (i32.const 16))
            (i32.store (i32.const 36) (i32.const 6))
            (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 64)))
            """ + Next,
            Guest.Data(0, "hello") + Guest.Data(16, "stdout")));

        await Text(server.Client.GetAsync("/", Stop));

        const string name = "under-test (middleware.http.wasm/v1): ";
        Assert.Equal([(LogLevel.Debug, name + "hello"), (LogLevel.Error, name + "hel"), (LogLevel.Debug, name + "stdout")], Log.Lines);
    }

    [Fact]
    public async Task A_guest_reads_its_configuration_while_it_starts()
    {
        await LoadAsync(
            Guest.Compile($"""
                (func (export "handle_request") (result i64) (i64.const 1)) {Guest.NoResponse}
                (func $start (call $log (i32.const 0) (i32.const 0) (call $get_config (i32.const 0) (i32.const 100))))
                (start $start)
                """),
            ("guestConfig", "{\"a\": 1}"));

        Assert.Contains(Log.Lines, l => l is { Level: LogLevel.Information, Text: "under-test (middleware.http.wasm/v1): {\"a\": 1}" });
    }

    [Theory]
    [InlineData("(call $proc_exit (i32.const 0))", true)]
    [InlineData("(call $proc_exit (i32.const 1))", false)]
    [InlineData("unreachable", false)]
    [InlineData("(loop $ever (br $ever))", false)]
    [InlineData("(call $set_uri (i32.const 0) (i32.const 0))", false)]
    public async Task A_program_s_main_runs_when_the_guest_is_loaded(string main, bool works)
    {
        var guest = Guest.OnRequest(Next, $"""(func (export "_start") {main})""");

        var loading = LoadAsync(guest, ("guestTimeout", "3s"));

        if (works)
        {
            await (await loading).DisposeAsync();
        }
        else
        {
            await Assert.ThrowsAsync<ComponentMetadataException>(() => loading);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_strict_sandbox_has_no_real_clock_and_no_real_random_numbers(bool strict)
    {
        // Answers with 8 random bytes and the two readings of the monotonic clock.
        var guest = Guest.OnRequest("""
            (drop (call $random_get (i32.const 0) (i32.const 8)))
            (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 8)))
            (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 16)))
            (call $write_body (i32.const 1) (i32.const 0) (i32.const 24))
            (i64.const 0)
            """);
        var first = await StartAsync(guest, ("strictSandbox", strict ? "true" : "false"));
        var second = await StartAsync(guest, ("strictSandbox", strict ? "true" : "false"));

        var one = await first.Client.GetByteArrayAsync("/", Stop);
        var two = await second.Client.GetByteArrayAsync("/", Stop);

        Assert.Equal(strict, one.AsSpan().SequenceEqual(two));
        if (strict)
        {
            Assert.Equal(1_000_000UL, BitConverter.ToUInt64(one, 8));
            Assert.Equal(2_000_000UL, BitConverter.ToUInt64(one, 16));
        }
    }

    [Fact]
    public async Task There_are_no_files_and_no_sockets()
    {
        var server = await StartAsync(Guest.OnRequest(
            """
            (i32.store8 (i32.const 0) (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
            (i32.store8 (i32.const 1) (call $sock_shutdown (i32.const 3) (i32.const 0)))
            (call $write_body (i32.const 1) (i32.const 0) (i32.const 2))
            (i64.const 0)
            """));

        Assert.Equal([8, 52], await server.Client.GetByteArrayAsync("/", Stop));
    }

    [Fact]
    public async Task A_guest_is_fetched_over_http()
    {
        var guest = Guest.OnRequest(Next);
        await using var files = await OneMiddleware.StartAsync(null, context =>
        {
            context.Response.StatusCode = context.Request.Path == "/guest.wasm" ? 200 : 404;
            return context.Response.Body.WriteAsync(guest).AsTask();
        });

        var middleware = await ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.wasm", new Dictionary<string, string> { ["url"] = files.Url + "/guest.wasm" });
        await middleware.DisposeAsync();

        var e = await Assert.ThrowsAsync<HttpRequestException>(() => ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.wasm", new Dictionary<string, string> { ["url"] = files.Url + "/none?token=secret" }));
        Assert.Equal($"received 404 status code from \"{files.Url}/none\"", e.Message);
    }

    [Fact]
    public async Task A_guest_that_is_too_large_is_refused()
    {
        await using var files = await OneMiddleware.StartAsync(null, async context =>
        {
            var part = new byte[1 << 20];
            for (var i = 0; i < 65; i++)
            {
                await context.Response.Body.WriteAsync(part, context.RequestAborted);
            }
        });

        var e = await Assert.ThrowsAsync<ComponentMetadataException>(() => ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.wasm", new Dictionary<string, string> { ["url"] = files.Url }));
        Assert.Contains("the guest is larger than 64 MiB", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "missing url")]
    [InlineData("guest.wasm", "invalid URL: guest.wasm")]
    [InlineData("oci://example.com/guest", "unsupported URL scheme: oci")]
    public async Task A_wrong_url_is_refused(string url, string problem)
    {
        var e = await Assert.ThrowsAsync<ComponentMetadataException>(() => ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.wasm", new Dictionary<string, string> { ["url"] = url }));

        Assert.EndsWith(problem, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(module)")]
    [InlineData("(module (memory (export \"memory\") 1) (func (export \"handle_request\") (result i32) (i32.const 0)) (func (export \"handle_response\") (param i32 i32)))")]
    [InlineData("(module (func (export \"handle_request\") (result i64) (i64.const 0)) (func (export \"handle_response\") (param i32 i32)))")]
    [InlineData("(module (import \"env\" \"x\" (func)) (memory (export \"memory\") 1) (func (export \"handle_request\") (result i64) (i64.const 0)) (func (export \"handle_response\") (param i32 i32)))")]
    public async Task A_module_that_is_no_guest_is_refused(string text)
        => await Assert.ThrowsAsync<ComponentMetadataException>(() => LoadAsync(Wasmtime.Module.ConvertText(text)));

    [Fact]
    public async Task A_file_that_is_no_module_is_refused()
        => await Assert.ThrowsAsync<ComponentMetadataException>(() => LoadAsync("MZ..."u8.ToArray()));
}
