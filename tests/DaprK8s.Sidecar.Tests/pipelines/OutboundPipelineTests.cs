using System.Buffers;
using System.Net;
using System.Text;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.Pipelines;

public sealed class OutboundPipelineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_handler_can_change_everything_of_the_request()
    {
        var app = new ScriptedApp(_ => new HttpResponseMessage());
        using var answer = await SendAsync(app, async (context, next) =>
        {
            Assert.Equal(("POST", "/a b/c", "?q=1", "http", "app:1"), (context.Request.Method, context.Request.Path.Value, context.Request.QueryString.Value, context.Request.Scheme, context.Request.Host.Value));
            Assert.Equal(("text/x", 5L, "1,2"), (context.Request.ContentType, context.Request.ContentLength, context.Request.Headers["X-Many"].ToString()));
            context.Request.Method = "PATCH";
            context.Request.Path = "/other path";
            context.Request.QueryString = new QueryString("?r=%2F");
            context.Request.Headers["X-New"] = "new";
            context.Request.Headers["X-Bad"] = "a\r\nb: c";
            context.Request.Headers.Remove("X-Many");
            context.Request.Body = new MemoryStream("longer body"u8.ToArray());
            context.Request.ContentLength = 11;
            await next(context);
        });

        Assert.Equal("PATCH http://app:1/other%20path?r=%2F X-New=new Content-Length=11 Content-Type=text/x longer body", app.Seen);
    }

    [Fact]
    public async Task A_request_that_nobody_changes_arrives_as_it_was_written()
    {
        var app = new ScriptedApp(_ => new HttpResponseMessage());
        using var answer = await SendAsync(app, (context, next) => next(context));

        Assert.Equal("POST http://app:1/a%20b/c?q=1 X-Many=1,2 Content-Length=5 Content-Type=text/x hello", app.Seen);
    }

    [Fact]
    public async Task A_handler_that_answers_itself_keeps_the_app_out_of_it()
    {
        var app = new ScriptedApp(_ => new HttpResponseMessage());
        using var answer = await SendAsync(app, async (context, next) =>
        {
            context.Response.StatusCode = 418;
            context.Response.Headers["X-Own"] = new[] { "a", "b" };
            context.Response.BodyWriter.Write("written but not flushed"u8);
            await Task.Yield();
        });

        Assert.Equal(418, (int)answer.StatusCode);
        Assert.Equal(["a", "b"], answer.Headers.GetValues("X-Own"));
        Assert.Equal("written but not flushed", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("", app.Seen);
    }

    [Fact]
    public async Task A_handler_can_hold_and_replace_the_whole_answer()
    {
        var app = new ScriptedApp(_ => new HttpResponseMessage(HttpStatusCode.Created) { ReasonPhrase = "Made", Content = new StringContent("from the app") });
        using var answer = await SendAsync(app, async (context, next) =>
        {
            var body = context.Response.Body;
            using var held = new MemoryStream();
            context.Response.Body = held;
            await next(context);
            Assert.False(context.Response.HasStarted);
            Assert.Equal("Made", context.Features.Get<IHttpResponseFeature>()!.ReasonPhrase);
            context.Response.Body = body;
            context.Response.Headers["X-Length"] = held.Length.ToString(System.Globalization.CultureInfo.InvariantCulture);
            context.Response.ContentLength = null;
            await context.Response.WriteAsync("instead of " + Encoding.UTF8.GetString(held.ToArray()), Cancel);
        });

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal("12", answer.Headers.GetValues("X-Length").Single());
        Assert.Equal("instead of from the app", await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_handler_that_fails_before_the_answer_begins_is_answered_with_500(bool afterwards)
    {
        var app = new ScriptedApp(_ => new HttpResponseMessage { Content = new StringContent("from the app") });
        using var answer = await SendAsync(app, async (context, next) =>
        {
            context.Response.Headers["X-Left"] = "left";
            context.Response.Body = new MemoryStream();
            if (afterwards)
            {
                await next(context);
            }

            throw new InvalidOperationException("the handler is broken");
        });

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("""{"errorCode":"ERROR","message":"the handler is broken"}""", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.False(answer.Headers.Contains("X-Left"));
        Assert.Equal(afterwards, app.Seen.Length > 0);
    }

    [Fact]
    public async Task A_failure_after_the_answer_began_breaks_it_off()
    {
        var app = new ScriptedApp(_ => new HttpResponseMessage());
        using var answer = await SendAsync(app, async (context, _) =>
        {
            await context.Response.WriteAsync("half", Cancel);
            throw new InvalidOperationException("the handler is broken");
        });

        await Assert.ThrowsAsync<InvalidOperationException>(() => answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task What_fails_at_the_app_comes_out_as_it_is()
    {
        var app = new ScriptedApp(_ => throw new HttpRequestException("refused"));

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(app, (context, next) => next(context)));

        Assert.Equal("refused", error.Message);
    }

    [Fact]
    public async Task A_caller_that_gives_up_waits_for_no_handler()
    {
        var (entered, aborted) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var giveUp = new CancellationTokenSource();
        var sending = SendAsync(
            new ScriptedApp(_ => new HttpResponseMessage()),
            async (context, _) =>
            {
                context.RequestAborted.Register(aborted.SetResult);
                entered.SetResult();
                await new TaskCompletionSource().Task;
            },
            giveUp);
        await entered.Task;

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
    }

    [Fact]
    public async Task An_answer_that_is_disposed_ends_its_handlers_and_a_token_of_the_call_no_longer_does()
    {
        var ended = new TaskCompletionSource<Exception>();
        using var call = new CancellationTokenSource();
        var answer = await SendAsync(
            new ScriptedApp(_ => new HttpResponseMessage()),
            async (context, _) =>
            {
                try
                {
                    while (true)
                    {
                        await context.Response.Body.WriteAsync(new byte[4096], context.RequestAborted);
                    }
                }
                catch (Exception e)
                {
                    ended.SetResult(e);
                    throw;
                }
            },
            call);
        await call.CancelAsync();
        var body = await answer.Content.ReadAsStreamAsync(Cancel);
        await body.ReadExactlyAsync(new byte[1 << 20], Cancel);
        Assert.False(ended.Task.IsCompleted);

        answer.Dispose();

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
    }

    private static async Task<HttpResponseMessage> SendAsync(
        ScriptedApp app, Func<HttpContext, RequestDelegate, Task> script, CancellationTokenSource? call = null)
    {
        var registry = new ComponentRegistry();
        registry.Replace([ScriptedMiddleware.Component("one", script)]);
        var pipeline = new OutboundPipeline(ScriptedMiddleware.Pipeline(registry, "one"), NullLogger.Instance);
        using var client = new HttpMessageInvoker(app);
        using var message = new HttpRequestMessage(HttpMethod.Post, "http://app:1/a%20b/c?q=1")
        {
            Content = new StreamedContent(new MemoryStream("hello"u8.ToArray()), 5, "text/x"),
        };
        message.Headers.Add("X-Many", ["1", "2"]);
        return await client.SendAsync(pipeline, message, call?.Token ?? Cancel);
    }

    private sealed class ScriptedApp(Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        public string Seen { get; private set; } = "";

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var headers = request.Headers.Concat(request.Content!.Headers).Append(new("Content-Length", [$"{request.Content.Headers.ContentLength}"])).DistinctBy(h => h.Key)
                .OrderBy(h => h.Key.StartsWith('C')).ThenBy(h => h.Key, StringComparer.Ordinal).Select(h => $"{h.Key}={string.Join(",", h.Value)}");
            Seen = $"{request.Method} {request.RequestUri!.AbsoluteUri} {string.Join(' ', headers)} {await request.Content.ReadAsStringAsync(cancellationToken)}";
            return answer(request);
        }
    }
}
