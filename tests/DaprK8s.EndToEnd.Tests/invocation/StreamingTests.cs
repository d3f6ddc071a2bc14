using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Bodies that pass while they are made: nobody waits for their end, and a broken one never looks whole.</summary>
public class StreamingTests(HttpPair pair) : IClassFixture<HttpPair>
{
    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task The_first_piece_of_a_request_arrives_before_the_last_is_sent(Leg leg)
    {
        var first = new TaskCompletionSource<string>();
        pair.App.OnStream($"POST /pieces/{leg}", async context =>
        {
            first.SetResult(await ReadSomeAsync(context.Request.Body));
            await context.Response.WriteAsync(await new StreamReader(context.Request.Body).ReadToEndAsync());
        });
        var content = new PushContent();
        content.Push("one");

        var sending = pair.SendAsync(leg, "POST", pair.Path($"pieces/{leg}"), r => r.Content = content);
        Assert.Equal("one", await Eventually.SoonAsync(first.Task, "the first piece"));
        content.Push("two");
        content.End();
        using var response = await sending;

        Assert.Equal("two", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task The_first_piece_of_an_answer_arrives_before_the_last_is_written(Leg leg)
    {
        var goOn = new TaskCompletionSource();
        pair.App.OnStream($"GET /answer-pieces/{leg}", async context =>
        {
            await context.Response.StartAsync();
            await context.Response.WriteAsync("one");
            await context.Response.Body.FlushAsync();
            await goOn.Task;
            await context.Response.WriteAsync("two");
        });

        using var response = await pair.SendAsync(leg, "GET", pair.Path($"answer-pieces/{leg}"), completion: HttpCompletionOption.ResponseHeadersRead);
        var body = await response.Content.ReadAsStreamAsync();
        Assert.Equal("one", await ReadSomeAsync(body));
        goOn.SetResult();

        Assert.Equal("two", await new StreamReader(body).ReadToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task The_head_of_an_answer_arrives_before_its_body(Leg leg)
    {
        var goOn = new TaskCompletionSource();
        pair.App.OnStream($"GET /head-first/{leg}", async context =>
        {
            context.Response.StatusCode = 207;
            await context.Response.StartAsync();
            await context.Response.Body.FlushAsync();
            await goOn.Task;
            await context.Response.WriteAsync("body");
        });

        using var response = await pair.SendAsync(leg, "GET", pair.Path($"head-first/{leg}"), completion: HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(207, (int)response.StatusCode);
        goOn.SetResult();

        Assert.Equal("body", await response.Content.ReadAsStringAsync());
    }

    public static readonly MatrixTheoryData<Leg, string> Accepts = new(HttpPair.BothLegs, ["text/event-stream", " Text/Event-Stream "]);

    [Theory]
    [MemberData(nameof(Accepts))]
    public async Task Events_arrive_one_by_one(Leg leg, string accept)
    {
        var acknowledged = new SemaphoreSlim(0);
        var path = $"/events/{leg}/{accept.Length}";
        pair.App.OnStream("GET " + path, async context =>
        {
            context.Response.ContentType = "text/event-stream; charset=utf-8";
            for (var i = 0; i < 5; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                await acknowledged.WaitAsync();
            }
        });

        using var response = await pair.SendAsync(
            leg, "GET", pair.Path(path[1..]), r => r.Headers.TryAddWithoutValidation("Accept", accept), HttpCompletionOption.ResponseHeadersRead);
        var body = await response.Content.ReadAsStreamAsync();
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal($"data: {i}\n\n", await ReadSomeAsync(body));
            acknowledged.Release();
        }

        Assert.Equal("", await ReadSomeAsync(body));
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("no-cache", response.Headers.CacheControl?.ToString());
        Assert.Equal(["keep-alive"], response.Headers.Connection);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_client_that_leaves_ends_the_apps_request(Leg leg)
    {
        var left = new TaskCompletionSource<string>();
        pair.App.OnStream($"GET /leaving/{leg}", async context =>
        {
            context.RequestAborted.Register(() => left.TrySetResult("left"));
            await context.Response.WriteAsync("data: 1\n\n");
            await context.Response.Body.FlushAsync();
            await left.Task;
        });

        using (var client = await RawHttp.ConnectAsync(pair.From(leg).HttpPort))
        {
            await client.SendAsync($"GET {pair.Path($"leaving/{leg}")} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
            await client.ReadUntilAsync("data: 1");
            client.Reset();
        }

        await Eventually.SoonAsync(left.Task, "the end of the app's request");
        NothingUnexpectedIn(pair.Callee, pair.Caller);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_client_that_leaves_before_there_is_an_answer_ends_the_apps_request(Leg leg)
    {
        var (began, left) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>());
        pair.App.OnStream($"POST /leaving-early/{leg}", async context =>
        {
            context.RequestAborted.Register(() => left.TrySetResult("left"));
            began.SetResult("began");
            await left.Task;
        });

        using (var client = await RawHttp.ConnectAsync(pair.From(leg).HttpPort))
        {
            await client.SendAsync($"POST {pair.Path($"leaving-early/{leg}")} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
            await Eventually.SoonAsync(began.Task, "the call of the app");
            client.Reset();
        }

        await Eventually.SoonAsync(left.Task, "the end of the app's request");
        NothingUnexpectedIn(pair.Callee, pair.Caller);
    }

    public static readonly MatrixTheoryData<Leg, bool> Uploads = new(HttpPair.BothLegs, [true, false]);

    [Theory]
    [MemberData(nameof(Uploads))]
    public async Task A_client_that_leaves_in_the_middle_of_its_body_does_not_leave_the_app_with_a_whole_one(Leg leg, bool chunked)
    {
        var end = new TaskCompletionSource<string>();
        var began = new TaskCompletionSource<string>();
        pair.App.OnStream($"POST /half/{leg}/{chunked}", async context =>
        {
            try
            {
                began.SetResult(await ReadSomeAsync(context.Request.Body));
                while (await ReadSomeAsync(context.Request.Body) is { Length: > 0 })
                {
                }

                end.SetResult("whole");
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or BadHttpRequestException)
            {
                end.SetResult("broken");
            }
        });

        using (var client = await RawHttp.ConnectAsync(pair.From(leg).HttpPort))
        {
            // Beyond what is kept for a retry, so that it is passed on while it comes.
            await client.SendAsync($"POST {pair.Path($"half/{leg}/{chunked}")} HTTP/1.1\r\nHost: x\r\n{(chunked ? "Transfer-Encoding: chunked" : "Content-Length: 3000000")}\r\n\r\n");
            await client.SendAsync(chunked ? "5\r\nhello\r\n" : "hello");
            await Eventually.SoonAsync(began.Task, "the first piece");
            client.Reset();
        }

        Assert.Equal("broken", await Eventually.SoonAsync(end.Task, "the end of the body"));
        NothingUnexpectedIn(pair.Callee, pair.Caller);
    }

    public static readonly MatrixTheoryData<Leg, bool> Breaks = new(HttpPair.BothLegs, [true, false]);

    [Theory]
    [MemberData(nameof(Breaks))]
    public async Task An_app_that_breaks_off_leaves_a_broken_answer(Leg leg, bool withLength)
    {
        var path = $"/breaking/{leg}/{withLength}";
        pair.App.OnStream("GET " + path, async context =>
        {
            context.Response.ContentLength = withLength ? 100 : null;
            await context.Response.WriteAsync("the beginning");
            await context.Response.Body.FlushAsync();
            context.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>().Abort();
        });

        var answer = await RawHttp.ExchangeAsync(pair.From(leg).HttpPort, $"GET {pair.Path(path[1..])} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.False(answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal), $"the answer looks whole: {answer}");
        NothingUnexpectedIn(pair.Callee, pair.Caller);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_callee_that_is_killed_leaves_a_broken_answer(Leg leg)
    {
        await using var app = await HttpApp.StartAsync();
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        var forever = new TaskCompletionSource();
        app.OnStream("GET /x", async context =>
        {
            await context.Response.WriteAsync("the beginning");
            await context.Response.Body.FlushAsync();
            await forever.Task;
        });

        using var client = await RawHttp.ConnectAsync((leg == Leg.Local ? callee : pair.Caller).HttpPort);
        await client.SendAsync($"GET /v1.0/invoke/{callee.AppId}/method/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        await client.ReadUntilAsync("the beginning");
        await callee.KillAsync();
        var rest = await client.ReadToEndAsync();
        forever.SetResult();

        Assert.False(rest.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal), $"the answer looks whole: {rest}");
    }

    public static readonly MatrixTheoryData<Leg, bool> Limits = new(HttpPair.BothLegs, [true, false]);

    [Theory]
    [MemberData(nameof(Limits))]
    public async Task A_body_beyond_the_limit_is_refused(Leg leg, bool chunked)
    {
        pair.App.OnStream($"POST /limit/{leg}/{chunked}", async context =>
        {
            try
            {
                await context.Request.Body.CopyToAsync(Stream.Null);
                context.Response.StatusCode = 200;
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
            }
        });

        using var response = await pair.SendAsync(leg, "POST", pair.Path($"limit/{leg}/{chunked}"), r => r.Content = new PatternContent((4 << 20) + 1, chunked));

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var error = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("ERR_DIRECT_INVOKE", error.GetProperty("errorCode").GetString());
        Assert.Contains("stream too large", error.GetProperty("message").GetString());
    }

    [Theory]
    [MemberData(nameof(Limits))]
    public async Task A_body_of_exactly_the_limit_passes(Leg leg, bool chunked)
    {
        pair.App.OnStream($"POST /at-limit/{leg}/{chunked}", async context =>
            await context.Response.WriteAsync($"{await PatternContent.CheckAsync(context.Request.Body)}"));

        using var response = await pair.SendAsync(leg, "POST", pair.Path($"at-limit/{leg}/{chunked}"), r => r.Content = new PatternContent(4 << 20, chunked));

        Assert.Equal($"{4 << 20}", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_gigabyte_passes_both_ways_in_constant_memory()
    {
        const long size = 1L << 30;
        const long bound = 300L << 20;
        await using var app = await HttpApp.StartAsync(a => a
            .OnStream("POST /up", async context => await context.Response.WriteAsync($"{await PatternContent.CheckAsync(context.Request.Body)}"))
            .OnStream("GET /down", context => PatternContent.WriteAsync(context.Response.Body, size)));
        string[] flags = ["--max-body-size", "2Gi"];
        await using var callee = await Daprd.With(app: app, flags: flags).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(flags: flags).StartAsync();

        using var upload = await caller.Http.PostAsync($"/v1.0/invoke/{callee.AppId}/method/up", new PatternContent(size));
        Assert.Equal($"{size}", await upload.Content.ReadAsStringAsync());
        using var download = await caller.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/down", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(size, await PatternContent.CheckAsync(await download.Content.ReadAsStreamAsync()));

        Assert.InRange(PeakBytes(caller), 1, bound);
        Assert.InRange(PeakBytes(callee), 1, bound);
    }

    private static void NothingUnexpectedIn(params Daprd[] sidecars)
        => Assert.All(sidecars, s => Assert.DoesNotContain(s.Log.All, l => l.Contains("nexpected", StringComparison.Ordinal) || l.Contains("nhandled", StringComparison.Ordinal)));

    private static long PeakBytes(Daprd daprd)
        => 1024 * long.Parse(
            File.ReadLines($"/proc/{daprd.Pid}/status").Single(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<string> ReadSomeAsync(Stream stream)
    {
        var buffer = new byte[64];
        var read = await Eventually.SoonAsync(stream.ReadAsync(buffer).AsTask(), "more of the stream");
        return Encoding.UTF8.GetString(buffer, 0, read);
    }
}
