using System.Buffers;
using System.Runtime.CompilerServices;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Invocation;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>
/// One call on its way through <c>appHttpPipeline</c>. The handlers run beside whoever reads the answer: what the target sends
/// reaches the reader as it comes, and a handler's <c>next</c> returns when the whole answer has gone by.
/// </summary>
internal sealed partial class OutboundCall(HttpMessageInvoker client, HttpRequestMessage message, ILogger logger) : PipelineEnd
{
    private const int ChunkSize = 32 << 10;

    private readonly OutboundAnswer answer = new();
    private PathString path;
    private QueryString query;
    private HostString host;
    private Exception? failure;

    public async Task<HttpResponseMessage> RunAsync(HttpPipeline pipeline, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var context = CreateContext();

        // Only up to the head of the answer, as with a plain call; from then on the answer's owner ends it by disposing it.
        using var link = cancellationToken.UnsafeRegister(static a => ((OutboundAnswer)a!).Abort(), answer);
        _ = CompleteAsync(pipeline, context);
        try
        {
            return await answer.Started.WaitAsync(cancellationToken);
        }
        catch
        {
            answer.Abandon();
            throw;
        }
    }

    public override async Task ContinueAsync(HttpContext context)
    {
        try
        {
            using var request = CreateMessage(context.Request);
            using var response = await client.SendAsync(request, context.RequestAborted);
            await RelayAsync(response, context);
        }
        catch (Exception e)
        {
            failure = e;
            throw;
        }
    }

    private async Task CompleteAsync(HttpPipeline pipeline, HttpContext context)
    {
        Exception? error = null;
        try
        {
            await pipeline.InvokeAsync(context);
        }
        catch (Exception e)
        {
            error = e;
        }

        try
        {
            // A handler may have left a body of its own in place.
            context.Features.Set<IHttpResponseBodyFeature>(answer);
            if (error is not null && error != failure && !answer.HasStarted && !context.RequestAborted.IsCancellationRequested)
            {
                await RefuseAsync(context, error);
                error = null;
            }

            await answer.EndAsync(error);
        }
        catch (Exception e)
        {
            await answer.EndAsync(e);
        }
    }

    // A handler that fails must not let the request through, and the caller is to see why.
    private async Task RefuseAsync(HttpContext context, Exception error)
    {
        if (error is not DaprException)
        {
            LogFailure(error, message.Method.Method, message.RequestUri!.AbsolutePath);
        }

        answer.Reset();
        await HttpErrorWriter.WriteAsync(context, error is DaprException known ? known.Error : CommonErrors.Unclassified(error.Message));
    }

    private DefaultHttpContext CreateContext()
    {
        var uri = message.RequestUri!;
        path = PathString.FromUriComponent(uri.AbsolutePath);
        query = new QueryString(uri.Query is "?" ? "" : uri.Query);
        host = new HostString(message.Headers.Host ?? uri.Authority);
        var context = new DefaultHttpContext();
        var request = context.Request;
        request.Method = message.Method.Method;
        request.Protocol = message.Version.Major == 2 ? HttpProtocol.Http2 : HttpProtocol.Http11;
        request.Scheme = uri.Scheme;
        request.Host = host;
        request.Path = path;
        request.QueryString = query;
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = uri.PathAndQuery;
        CopyHeaders(message.Headers, request.Headers);
        if (message.Content is { } content)
        {
            CopyHeaders(content.Headers, request.Headers);
            request.ContentLength = content.Headers.ContentLength;
            request.Body = content is StreamedContent streamed ? streamed.Source : content.ReadAsStream();
        }

        context.Features.Set<IHttpResponseFeature>(answer);
        context.Features.Set<IHttpResponseBodyFeature>(answer);
        context.Features.Set<IHttpRequestLifetimeFeature>(answer);
        context.Features.Set<PipelineEnd>(this);
        return context;
    }

    private HttpRequestMessage CreateMessage(HttpRequest request)
    {
        var sent = new HttpRequestMessage(HttpMethod.Parse(request.Method), Target(request))
        {
            Version = message.Version,
            VersionPolicy = message.VersionPolicy,
        };
        if (request.Body != Stream.Null)
        {
            sent.Content = new StreamedContent(request.Body, request.ContentLength, "");
        }

        StreamedContent.AddHeaders(sent, Headers(request));
        if (message.Headers.Host is not null || request.Host != host)
        {
            sent.Headers.Host = request.Host.ToUriComponent();
        }

        return sent;
    }

    // As it was written, unless a handler wrote another one.
    private Uri Target(HttpRequest request)
        => request.Path == path && request.QueryString == query
            ? message.RequestUri!
            : AppUrl.Build(message.RequestUri!.GetLeftPart(UriPartial.Authority), request.Path.ToUriComponent(), request.QueryString.ToUriComponent().TrimStart('?'));

    private static IEnumerable<KeyValuePair<string, string>> Headers(HttpRequest request)
    {
        foreach (var (name, values) in request.Headers)
        {
            if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) || name.Equals("Host", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            foreach (var value in values)
            {
                yield return new(name, value ?? "");
            }
        }
    }

    private static async Task RelayAsync(HttpResponseMessage response, HttpContext context)
    {
        context.Response.StatusCode = (int)response.StatusCode;
        context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = response.ReasonPhrase;
        CopyHeaders(response.Headers, context.Response.Headers);
        CopyHeaders(response.Content.Headers, context.Response.Headers);
        await using var body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
        await RelayAsync(body, context);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask RelayAsync(Stream body, HttpContext context)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        var reading = body.ReadAsync(buffer, context.RequestAborted);
        if (!reading.IsCompleted)
        {
            // The head is not kept back until the body begins.
            await context.Response.StartAsync(context.RequestAborted);
        }

        while (await reading is var read && read > 0)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            reading = body.ReadAsync(buffer, context.RequestAborted);
            if (!reading.IsCompleted)
            {
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        }

        // Only at the end: after a failure a read into it may still be under way.
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static void CopyHeaders(System.Net.Http.Headers.HttpHeaders from, IHeaderDictionary to)
    {
        foreach (var (name, values) in from.NonValidated)
        {
            to[name] = values.Count == 1 ? values.ToString() : (string[])[.. values];
        }
    }

    [LoggerMessage(LogLevel.Error, "an HTTP middleware failed on the call {Method} {Path}; the call is refused")]
    private partial void LogFailure(Exception exception, string method, string path);
}
