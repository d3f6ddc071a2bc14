using System.Diagnostics;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// The HTTP surface, in the order in which a request walks (contract: api 1.1): clean path, body limit, trace and baggage, metrics,
/// CORS, API token, pipeline, API log, route; what no route takes is a service invocation.
/// </summary>
internal sealed partial class HttpSurface(
    Live<HttpRoad> roads,
    ApiToken token,
    Cors? cors,
    Tracer tracer,
    HttpServerMetrics metrics,
    ErrorCodeMetric errorCodes,
    ApiLog apiLog,
    BodyLimit? bodyLimit,
    long maxHeaderBytes,
    TimeProvider time,
    ILogger logger)
{
    // Go's server allows this much above the limit it is given; clients have come to rely on it.
    private const int HeaderSlack = 4096;

    /// <summary>A request on the main port.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var raw = RawPath(context);
        var path = RequestPath.Clean(raw);
        if (IsHeaderTooLarge(context.Request.Headers))
        {
            context.Response.StatusCode = StatusCodes.Status431RequestHeaderFieldsTooLarge;
            return;
        }

        if (bodyLimit is not null)
        {
            context.Features.Set(bodyLimit);
        }

        var road = roads.Value;
        var started = time.GetTimestamp();
        using var span = StartSpan(context, path);
        context.Features.Set(new TraceFeature(span.Context));
        try
        {
            await ThroughGuardsAsync(road, context, raw, path, span);
        }
        finally
        {
            span.SetStatus(context.Response.StatusCode);
            metrics.Record(context, road.Pipeline is null ? path : RoutedRequest.PathOf(context, path), time.GetElapsedTime(started));
        }
    }

    /// <summary>A request on the public port: health and metadata only, without guards.</summary>
    public async Task HandlePublicAsync(HttpContext context)
    {
        var path = RequestPath.Clean(RawPath(context));
        var router = roads.Value.PublicRouter;
        var started = time.GetTimestamp();
        using var span = StartSpan(context, path);
        context.Features.Set(new TraceFeature(span.Context));
        if (bodyLimit is not null)
        {
            context.Features.Set(bodyLimit);
        }

        try
        {
            if (router.TryMatch(context.Request.Method, path, out var values))
            {
                await RunAsync(context, () => values.Route.Handler(context, values));
            }
            else
            {
                context.Response.StatusCode = router.MatchesOtherMethod(path) ? 405 : 404;
            }
        }
        finally
        {
            metrics.Record(context, path, time.GetElapsedTime(started));
        }
    }

    private async ValueTask ThroughGuardsAsync(HttpRoad road, HttpContext context, string raw, string path, Span span)
    {
        if (span.Context.Baggage is { } baggage)
        {
            if (Baggage.Validate(baggage) is { } problem)
            {
                await PlainAsync(context, 400, $"invalid baggage header: {problem}");
                return;
            }

            context.Response.Headers["baggage"] = baggage;
        }

        if (cors?.Apply(context) == true)
        {
            return;
        }

        var isForgone = !token.Check(context.Request.Headers);
        if (isForgone && !NeedsNoToken(road, context, path))
        {
            await PlainAsync(context, 401, "invalid api token\n");
            return;
        }

        if (road.Pipeline is { } pipeline)
        {
            await ThroughPipelineAsync(road, pipeline, context, raw, path, span, isForgone);
            return;
        }

        using var log = apiLog.Begin(context, path);
        await RunAsync(context, () => RouteAsync(road, context, raw, path, span));
    }

    // Apart from the way without a pipeline, which must not pay for these closures.
    private async ValueTask ThroughPipelineAsync(HttpRoad road, HttpPipeline handlers, HttpContext context, string raw, string path, Span span, bool isTokenForgone)
    {
        var body = context.Features.Get<IHttpResponseBodyFeature>();
        await RunAsync(context, async () =>
        {
            try
            {
                context.Features.Set<PipelineEnd>(new RoutedRequest(context, raw, path, (r, p) => AnswerAsync(road, context, r, p, span, isTokenForgone)));
                await handlers.InvokeAsync(context);
            }
            finally
            {
                // A handler that failed may have left a body of its own in place, and the error would be lost in it.
                context.Features.Set(body);
            }
        });
    }

    private static bool NeedsNoToken(HttpRoad road, HttpContext context, string path)
        => road.Router.TryMatch(context.Request.Method, path, out var match) && match.Route.NeedsNoToken;

    private async ValueTask AnswerAsync(HttpRoad road, HttpContext context, string raw, string path, Span span, bool isTokenForgone)
    {
        // A handler may have led the request elsewhere.
        if (isTokenForgone && !NeedsNoToken(road, context, path))
        {
            await PlainAsync(context, 401, "invalid api token\n");
            return;
        }

        using var log = apiLog.Begin(context, path);
        await RunAsync(context, () => RouteAsync(road, context, raw, path, span));
    }

    private ValueTask RouteAsync(HttpRoad road, HttpContext context, string raw, string path, Span span)
    {
        if (road.Router.TryMatch(context.Request.Method, path, out var values))
        {
            SpanAttributes.OfRoute(span, context, values, path);
            apiLog.SetName(context, values.Route.Name);
            AddTraceHeaders(context, span.Context);
            return values.Route.Handler(context, values);
        }

        if (road.Invocation is not { } invocation)
        {
            context.Response.StatusCode = road.Router.MatchesOtherMethod(path) ? 405 : 404;
            return ValueTask.CompletedTask;
        }

        if (InvocationEndpoint.FindTarget(context, raw) is not var (target, method))
        {
            throw InvocationEndpoint.NoTarget().ToException();
        }

        SpanAttributes.OfInvocation(span, target, method);
        apiLog.SetName(context, $"InvokeService/{target}");
        return invocation.HandleAsync(context, target, method);
    }

    private async ValueTask RunAsync(HttpContext context, Func<ValueTask> handler)
    {
        try
        {
            await handler();
        }
        catch (DaprException e)
        {
            errorCodes.Record(e.Error);
            await HttpErrorWriter.WriteAsync(context, e.Error);
        }
        catch (BadPathParameterException e)
        {
            await PlainAsync(context, 400, e.Message);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client is gone; what its absence broke is no error of ours.
        }
        catch (Exception e)
        {
            LogUnexpected(e, context.Request.Method, context.Request.Path);
            var error = CommonErrors.Unclassified(e.Message);
            errorCodes.Record(error);
            await HttpErrorWriter.WriteAsync(context, error);
        }
    }

    private Span StartSpan(HttpContext context, string path)
    {
        if (tracer.Mode == TracingMode.On && !path.Contains("/healthz", StringComparison.Ordinal))
        {
            var span = tracer.StartServer(context, Uri.UnescapeDataString(path), ActivityKind.Client);
            SpanAttributes.OfRequest(span, context, path);
            return span;
        }

        return new Span(null, tracer.Mode == TracingMode.On ? default : tracer.StartServer(context, "", ActivityKind.Client).Context);
    }

    private static void AddTraceHeaders(HttpContext context, TraceContext trace)
    {
        if (trace.TraceParent.Length > 0 && !context.Request.Path.Value!.Contains("healthz", StringComparison.Ordinal))
        {
            context.Response.Headers["traceparent"] = trace.TraceParent;
            if (trace.TraceState is { Length: > 0 } state)
            {
                context.Response.Headers["tracestate"] = state;
            }
        }
    }

    private bool IsHeaderTooLarge(IHeaderDictionary headers)
    {
        long total = 0;
        foreach (var (name, values) in headers)
        {
            for (var i = 0; i < values.Count; i++)
            {
                total += name.Length + (values[i]?.Length ?? 0) + 4;
            }
        }

        return maxHeaderBytes > 0 && total > maxHeaderBytes + HeaderSlack;
    }

    // The target as sent: only it tells an encoded slash from a real one.
    private static string RawPath(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (target.StartsWith('/'))
        {
            var query = target.IndexOf('?');
            return query < 0 ? target : target[..query];
        }

        return Uri.TryCreate(target, UriKind.Absolute, out var uri) ? uri.AbsolutePath : "/";
    }

    private static Task PlainAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text);
    }

    [LoggerMessage(LogLevel.Error, "unexpected error while handling {Method} {Path}")]
    private partial void LogUnexpected(Exception exception, string method, string path);
}
