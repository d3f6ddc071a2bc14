using System.Buffers;
using System.Net;
using System.Text;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// Service invocation over HTTP: the fallback of the router, so that any path can be an app's (contract: api 1.8, messaging 5.1, 5.4).
/// </summary>
internal sealed class InvocationEndpoint(Invoker invoker)
{
    private const string InvokePrefix = "/v1.0/invoke/";
    private const string MethodInfix = "/method/";

    // Larger bodies are passed through as they come: they are sent once.
    private const int ReplayLimit = 1 << 20;
    private const int ChunkSize = 32 << 10;

    /// <summary>The target and method of a request, or nothing: header, then basic authentication, then path.</summary>
    /// <param name="context">The request.</param>
    /// <param name="rawPath">Its path as it was sent.</param>
    public static (string Target, string Method)? FindTarget(HttpContext context, string rawPath)
    {
        var headers = context.Request.Headers;
        if (headers.TryGetValue(HeaderRules.AppId, out var header) && header.Count > 0 && !string.IsNullOrEmpty(header[0]))
        {
            return (header[0]!, Decode(rawPath));
        }

        if (headers.Authorization is { Count: > 0 } authorization && BasicTarget(authorization[0]!) is { } basic)
        {
            return (basic, Decode(rawPath));
        }

        // The method begins behind the first "/method/", before dots are resolved: it can't climb out of itself.
        for (var infix = rawPath.IndexOf(MethodInfix, StringComparison.Ordinal); infix >= 0;
            infix = rawPath.IndexOf(MethodInfix, infix + 1, StringComparison.Ordinal))
        {
            var front = RequestPath.Clean(rawPath[..infix]);
            if (front.StartsWith(InvokePrefix, StringComparison.Ordinal))
            {
                return (RestoreUrl(WebUtility.UrlDecode(front[InvokePrefix.Length..])), Decode(rawPath[(infix + MethodInfix.Length)..]));
            }
        }

        return null;
    }

    public async ValueTask HandleAsync(HttpContext context, string target, string method)
    {
        InvokeResponse? response = null;
        InvokeRequest? request = null;
        byte[]? rented = null;
        try
        {
            (request, var replayable) = await ReadAsync(context, target, method, b => rented = b);
            response = await invoker.InvokeAsync(target, request, replayable, context.RequestAborted);
            await AnswerAsync(context, response, request);
        }
        catch (TransportException e)
        {
            throw DirectInvoke(target, e.Message, e.Code == StatusCode.PermissionDenied ? 403 : 500).ToException(e);
        }
        catch (Exception e) when (e is HttpRequestException or WireException || (e is IOException && !context.RequestAborted.IsCancellationRequested))
        {
            // Once the answer has begun, the error writer cuts the connection: a shortened body must not look whole.
            throw DirectInvoke(target, e.Message, 500).ToException(e);
        }
        finally
        {
            if (response is not null)
            {
                await response.DisposeAsync();
            }

            // A buffer that somebody may still be reading is left to the garbage collector.
            if (rented is not null && request is not { IsBodyReleased: false })
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    public static DaprError NoTarget()
        => new("ERR_DIRECT_INVOKE", "failed getting app id either from the URL path or the header dapr-app-id", 404, StatusCode.NotFound) { Category = "service-invocation" };

    private static DaprError DirectInvoke(string target, string detail, int http)
        => new("ERR_DIRECT_INVOKE", $"failed to invoke, id: {target}, err: {detail}", http, StatusCode.Internal) { Category = "service-invocation" };

    private static async ValueTask<(InvokeRequest Request, ReadOnlyMemory<byte>? Replayable)> ReadAsync(
        HttpContext context, string target, string method, Action<byte[]> rented)
    {
        var request = context.Request;
        if (HttpMethods.IsConnect(request.Method))
        {
            throw DirectInvoke(target, "invalid HTTP verb: CONNECT", 500).ToException();
        }

        string clean;
        try
        {
            clean = MethodName.Normalise(method);
        }
        catch (FormatException e)
        {
            throw DirectInvoke(target, $"rpc error: code = InvalidArgument desc = {e.Message}", 500).ToException(e);
        }

        var limit = context.Features.Get<BodyLimit>()?.Bytes ?? long.MaxValue;
        var hasBody = context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
        var length = hasBody ? request.ContentLength : 0;
        if (length > limit)
        {
            throw DirectInvoke(target, CommonErrors.StreamTooLarge, 500).ToException();
        }

        var (body, replayable) = await ReadBodyAsync(context, target, length, limit, rented);
        return (new InvokeRequest
        {
            Method = clean,
            Verb = request.Method,
            Query = request.QueryString.HasValue ? request.QueryString.Value![1..] : "",
            Headers = ReadHeaders(request),
            ContentType = request.ContentType ?? "",
            ContentLength = length,
            Body = body,
            Trace = RequestTrace.Of(context),
            IsEventStream = IsEventStream(request),
        }, replayable);
    }

    private static async ValueTask<(Stream Body, ReadOnlyMemory<byte>? Replayable)> ReadBodyAsync(
        HttpContext context, string target, long? length, long limit, Action<byte[]> rented)
    {
        if (length == 0)
        {
            return (Stream.Null, ReadOnlyMemory<byte>.Empty);
        }

        if (length is null or > ReplayLimit)
        {
            var error = DirectInvoke(target, CommonErrors.StreamTooLarge, 500);
            return (limit == long.MaxValue ? context.Request.Body : new LimitedBody(context.Request.Body, limit, error), null);
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)length);
        rented(buffer);
        var memory = buffer.AsMemory(0, (int)length);
        try
        {
            await context.Request.Body.ReadExactlyAsync(memory, context.RequestAborted);
        }
        catch (Exception e) when (e is IOException or BadHttpRequestException)
        {
            throw DirectInvoke(target, e.Message, 500).ToException(e);
        }

        return (Stream.Null, memory);
    }

    private static HeaderList ReadHeaders(HttpRequest request)
    {
        var headers = new HeaderList(request.Headers.Count + 8);
        foreach (var (name, values) in request.Headers)
        {
            if (!HeaderRules.PassesRequest(name))
            {
                continue;
            }

            for (var i = 0; i < values.Count; i++)
            {
                headers.Add(name, values[i] ?? "");
            }
        }

        if (request.Headers.Connection is { Count: > 0 } connection)
        {
            HeaderRules.RemoveNamedByConnection(headers, connection.ToString());
        }

        if (request.ContentLength is { } length)
        {
            headers.Add("Content-Length", length.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return headers;
    }

    private static async ValueTask AnswerAsync(HttpContext context, InvokeResponse response, InvokeRequest request)
    {
        var answer = context.Response;
        if (response.IsGrpc)
        {
            await AnswerGrpcAsync(context, response);
            return;
        }

        answer.StatusCode = response.Code;
        CopyHeaders(response.Headers, answer.Headers);
        if (response.ContentType.Length > 0 && HeaderRules.IsSendable("Content-Type", response.ContentType))
        {
            answer.ContentType = response.ContentType;
        }

        if (request.IsEventStream && response.Code is >= 200 and < 300)
        {
            answer.ContentType = "text/event-stream";
            answer.Headers.CacheControl = "no-cache";
            if (HttpProtocol.IsHttp11(context.Request.Protocol))
            {
                answer.Headers.Connection = "keep-alive";
            }
        }

        AddTrace(context, answer);
        if (HttpMethods.IsHead(context.Request.Method) || response.Code is 204 or 304 or < 200)
        {
            return;
        }

        await CopyBodyAsync(response.Body, answer, context.RequestAborted);
    }

    private static async ValueTask AnswerGrpcAsync(HttpContext context, InvokeResponse response)
    {
        var answer = context.Response;
        var ok = response.Code == (int)StatusCode.OK;
        answer.StatusCode = StatusMapping.ToHttp((StatusCode)response.Code);
        CopyHeaders(response.Headers, answer.Headers);
        answer.ContentType = ok && response.DataTypeUrl.Length > 0 ? "application/x-protobuf"
            : ok && response.ContentType.Length > 0 ? response.ContentType
            : "application/json";
        AddTrace(context, answer);
        if (ok)
        {
            await CopyBodyAsync(response.Body, answer, context.RequestAborted);
            return;
        }

        var body = GrpcStatusJson.Write(response.Code, response.Message, response.Details);
        answer.ContentLength = body.Length;
        await answer.Body.WriteAsync(body, context.RequestAborted);
    }

    private static void CopyHeaders(HeaderList from, IHeaderDictionary to)
    {
        foreach (var (name, value) in from)
        {
            if (HeaderRules.PassesResponse(name) && HeaderRules.IsSendable(name, value))
            {
                // Not Append, which takes an empty value for none.
                to[name] = to.TryGetValue(name, out var before) ? StringValues.Concat(before, value) : value;
            }
        }
    }

    private static void AddTrace(HttpContext context, HttpResponse answer)
    {
        var trace = RequestTrace.Of(context);
        if (trace.TraceParent.Length > 0 && !answer.Headers.ContainsKey("traceparent"))
        {
            answer.Headers["traceparent"] = trace.TraceParent;
        }
    }

    private static async ValueTask CopyBodyAsync(Stream body, HttpResponse answer, CancellationToken cancellationToken)
    {
        if (body == Stream.Null)
        {
            answer.ContentLength = 0;
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        var reading = body.ReadAsync(buffer, cancellationToken);
        if (!reading.IsCompleted)
        {
            await answer.StartAsync(cancellationToken);
            await answer.Body.FlushAsync(cancellationToken);
        }

        while (await reading is var read && read > 0)
        {
            // Each chunk goes out as it came: an event stream's consumer waits for it.
            await answer.Body.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            reading = body.ReadAsync(buffer, cancellationToken);
        }

        // Only at the end: after a failure a read into it may still be under way.
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static bool IsEventStream(HttpRequest request)
        => request.Headers.Accept is { Count: > 0 } accept
            && string.Equals(accept[0]?.Trim(), "text/event-stream", StringComparison.OrdinalIgnoreCase);

    // Cleaned before anything looks at its characters: what ".." leaves again is no part of the method (contract: security 3.6).
    private static string Decode(string path) => MethodName.Clean(path.Contains('%') ? Uri.UnescapeDataString(path) : path).TrimStart('/');

    private static string? BasicTarget(string authorization)
    {
        const string scheme = "Basic ";
        if (!authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var bytes = new byte[authorization.Length];
        if (!Convert.TryFromBase64String(authorization[scheme.Length..].Trim(), bytes, out var length))
        {
            return null;
        }

        var parts = Encoding.UTF8.GetString(bytes, 0, length).Split(':');
        return parts is [var user, { Length: > 0 } password] && user.Equals(HeaderRules.AppId, StringComparison.OrdinalIgnoreCase) ? password : null;
    }

    // A slash of the target's own "http://" went when the path was cleaned.
    private static string RestoreUrl(string target)
    {
        foreach (var scheme in new[] { "http:/", "https:/" })
        {
            if (target.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && !target[scheme.Length..].StartsWith('/'))
            {
                return scheme + "/" + target[scheme.Length..];
            }
        }

        return target;
    }
}
