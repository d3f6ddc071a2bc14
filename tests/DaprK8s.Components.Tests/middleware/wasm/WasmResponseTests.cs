using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Tests.Middleware.Wasm;

public sealed class WasmResponseTests : WasmBench
{
    [Fact]
    public async Task A_guest_reads_and_replaces_a_held_response()
    {
        // The first byte of the body is doubled, and the status goes up by the word from handle_request.
        var server = await StartAsync(Guest.OnResponse(
            """
            (drop (call $read_body (i32.const 1) (i32.const 512) (i32.const 1)))
            (call $write_body (i32.const 1) (i32.const 512) (i32.const 1))
            (call $write_body (i32.const 1) (i32.const 512) (i32.const 1))
            (call $set_header_value (i32.const 1) (i32.const 0) (i32.const 7) (i32.const 16) (i32.const 3))
            (call $set_status_code (i32.add (call $get_status_code) (local.get $context)))
            """,
            Guest.Data(0, "x-guest") + Guest.Data(16, "was")));

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal((HttpStatusCode)207, answer.StatusCode);
        Assert.Equal("GG", await Text(answer));
        Assert.Equal(2, answer.Content.Headers.ContentLength);
        Assert.Equal(["was"], answer.Headers.GetValues("x-guest"));
        Assert.Equal(["yes"], answer.Headers.GetValues("x-app"));
    }

    [Fact]
    public async Task A_held_response_that_the_guest_leaves_alone_goes_out_as_it_was()
    {
        var server = await StartAsync(
            Guest.OnResponse(""),
            async context =>
            {
                context.Response.StatusCode = 418;
                context.Response.ContentLength = 10;
                await context.Response.StartAsync();
                await context.Response.Body.WriteAsync("hello"u8.ToArray());
                context.Response.BodyWriter.Write("there"u8);
            });

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal((HttpStatusCode)418, answer.StatusCode);
        Assert.Equal("hellothere", await Text(answer));
    }

    [Fact]
    public async Task A_guest_reads_on_in_a_response_of_which_it_has_replaced_the_start()
    {
        // Every second byte, whatever the app does with its end of the body.
        var server = await StartAsync(
            Guest.OnResponse("""
                (loop $more
                  (local.set $n (i32.wrap_i64 (call $read_body (i32.const 1) (i32.const 512) (i32.const 2))))
                  (call $write_body (i32.const 1) (i32.const 512) (i32.ne (local.get $n) (i32.const 0)))
                  (br_if $more (local.get $n)))
                """),
            async context =>
            {
                await using var writer = new StreamWriter(context.Response.Body);
                await writer.WriteAsync("abcdef");
            });

        Assert.Equal("ace", await Text(server.Client.GetAsync("/", Stop)));
    }

    [Fact]
    public async Task A_guest_takes_the_body_from_a_response()
    {
        var server = await StartAsync(Guest.OnResponse("(call $set_status_code (i32.const 204))"), context =>
        {
            context.Response.ContentLength = 4;
            return context.Response.WriteAsync("body");
        });

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("", await Text(answer));
    }

    [Theory]
    [InlineData("(call $set_status_code (i32.const 201))")]
    [InlineData("(drop (call $get_status_code))")]
    [InlineData("(call $write_body (i32.const 1) (i32.const 0) (i32.const 1))")]
    [InlineData("(drop (call $read_body (i32.const 1) (i32.const 0) (i32.const 1)))")]
    [InlineData("(call $set_header_value (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))")]
    [InlineData("(call $set_header_value (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))")]
    [InlineData("(call $set_uri (i32.const 0) (i32.const 0))")]
    [InlineData("(call $set_method (i32.const 0) (i32.const 1))")]
    [InlineData("(call $write_body (i32.const 0) (i32.const 0) (i32.const 1))")]
    public async Task What_is_too_late_fails_the_request(string instruction)
    {
        var guest = Guest.Compile($"""
            {Guest.Data(0, "x")}
            (func (export "handle_request") (result i64) (i64.const 1))
            (func (export "handle_response") (param i32 i32) {instruction})
            """);
        var server = await StartAsync(guest, context => Task.CompletedTask);

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
    }

    [Fact]
    public async Task A_guest_that_fails_on_a_held_response_sends_none_of_it()
    {
        var server = await StartAsync(Guest.OnResponse("unreachable"));

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("Internal Server Error", await Text(answer));
    }

    [Fact]
    public async Task A_guest_that_fails_on_a_response_that_is_on_its_way_breaks_it_off()
    {
        var guest = Guest.Compile("""
            (func (export "handle_request") (result i64) (i64.const 1))
            (func (export "handle_response") (param i32 i32) unreachable)
            """);
        var server = await StartAsync(guest, async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
        });

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => server.Client.GetAsync("/", Stop));
    }

    [Fact]
    public async Task A_held_response_beyond_the_limit_fails_the_request()
    {
        var server = await StartAsync(Guest.OnResponse(""), context => context.Response.WriteAsync(new string('a', 1001)), ("maxBodySize", "1000"));

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains(Log.Lines, l => l.Text.Contains("larger than 1000 bytes (maxBodySize)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_guest_is_told_of_an_app_that_failed()
    {
        var server = await StartAsync(
            Guest.OnResponse("(if (local.get $failed) (then (call $log (i32.const 2) (i32.const 0) (i32.const 6))))", Guest.Data(0, "failed")),
            _ => throw new InvalidOperationException("the app broke"));

        using var answer = await server.Client.GetAsync("/", Stop);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains(Log.Lines, l => l.Text.EndsWith(": failed", StringComparison.Ordinal));
    }
}
