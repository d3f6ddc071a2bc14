using System.Net;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;

namespace DaprK8s.Sidecar.App;

/// <summary>
/// An app that speaks HTTP (<c>http</c>, <c>https</c>, <c>h2c</c>): streamed invocations and the building blocks' own small calls
/// (contract: messaging 5.7, 7).
/// </summary>
internal sealed class HttpApp(
    AppOptions options, AppConnections connections, AppConcurrency concurrency, Live<OutboundPipeline?> pipeline, AppMetrics metrics, TimeProvider time)
    : IHttpAppChannel, IInvokeTarget
{
    /// <summary>The most that an answer of the building blocks' own calls may have.</summary>
    public long MaxAnswerBytes { get; init; } = long.MaxValue;

    public async ValueTask<InvokeResponse> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (request.Verb is "NONE" or "CONNECT" or "")
        {
            throw new TransportException(StatusCode.InvalidArgument, "invalid HTTP verb");
        }

        using var message = Build(request);
        await concurrency.EnterAsync(cancellationToken);
        HttpResponseMessage? response = null;
        try
        {
            var started = time.GetTimestamp();
            response = await SendAsync(message, cancellationToken);
            metrics.RecordHttp(
                request.Verb, message.RequestUri!.AbsolutePath, (int)response.StatusCode, request.ContentLength,
                response.Content.Headers.ContentLength, time.GetElapsedTime(started));
            return await ReadAsync(response, cancellationToken);
        }
        catch
        {
            response?.Dispose();
            concurrency.Leave();
            throw;
        }
    }

    public async ValueTask<AppAnswer> SendAsync(AppCall call, CancellationToken cancellationToken)
    {
        using var message = Build(call);
        await concurrency.EnterAsync(cancellationToken);
        try
        {
            var started = time.GetTimestamp();
            using var response = await connections.Client.SendAsync(pipeline.Value, message, cancellationToken);
            var body = await BoundedBody.ReadAsync(response.Content, MaxAnswerBytes, cancellationToken);
            metrics.RecordHttp(call.Method.Method, call.Path, (int)response.StatusCode, call.Body.Length, body.Length, time.GetElapsedTime(started));
            return new AppAnswer((int)response.StatusCode, body, response.Content.Headers.ContentType?.ToString() ?? "");
        }
        finally
        {
            concurrency.Leave();
        }
    }

    private async ValueTask<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken cancellationToken)
    {
        try
        {
            return await connections.Client.SendAsync(pipeline.Value, message, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            // An unreadable caller body surfaces here too; its own error says more.
            throw e.InnerException as Errors.DaprException as Exception
                ?? new TransportException(StatusCode.Internal, $"error invoking app channel: {e.InnerException?.Message ?? e.Message}", e);
        }
    }

    private async ValueTask<InvokeResponse> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        return new InvokeResponse(() =>
        {
            response.Dispose();
            concurrency.Leave();
            return ValueTask.CompletedTask;
        })
        {
            Code = (int)response.StatusCode,
            Message = response.ReasonPhrase ?? "",
            Headers = HeaderRules.OfResponse(response),
            ContentType = response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var type) ? type.ToString() : "",
            Body = await response.Content.ReadAsStreamAsync(cancellationToken),
        };
    }

    private HttpRequestMessage Build(InvokeRequest request)
    {
        var message = new HttpRequestMessage(HttpMethod.Parse(request.Verb), BuildUrl(request.Method, request.Query));
        ChooseVersion(message);
        if (request.Body != Stream.Null)
        {
            message.Content = new StreamedContent(request.Body, request.ContentLength, request.ContentType);
        }
        else if (request.ContentType.Length > 0 && request.ContentLength == 0)
        {
            message.Content = new StreamedContent(Stream.Null, 0, request.ContentType);
        }

        StreamedContent.AddHeaders(message, request.Headers);
        AddOwnHeaders(message, request.Trace);
        return message;
    }

    private HttpRequestMessage Build(AppCall call)
    {
        var message = new HttpRequestMessage(call.Method, BuildUrl(call.Path, ""));
        ChooseVersion(message);
        if (call.Body.Length > 0 || call.ContentType.Length > 0)
        {
            // Handlers may still be reading after the call was given up, when the caller's buffer belongs to others again.
            message.Content = new ReadOnlyMemoryContent(pipeline is null ? call.Body : call.Body.ToArray());
            message.Content.Headers.TryAddWithoutValidation("Content-Type", call.ContentType);
        }

        foreach (var (name, value) in call.Headers)
        {
            if (name.Length > 0 && HeaderRules.PassesRequest(name))
            {
                message.Headers.TryAddWithoutValidation(name, value);
            }
            else if (name.Equals(HeaderRules.AppId, StringComparison.OrdinalIgnoreCase))
            {
                message.Headers.TryAddWithoutValidation(HeaderRules.AppId, value);
            }
        }

        AddOwnHeaders(message, call.Trace);
        return message;
    }

    private Uri BuildUrl(string path, string query)
    {
        try
        {
            return AppUrl.Build(connections.BaseUrl, path, query);
        }
        catch (FormatException e)
        {
            throw new TransportException(StatusCode.Internal, e.Message, e);
        }
    }

    private void ChooseVersion(HttpRequestMessage message)
    {
        message.Version = connections.IsHttp2 ? HttpVersion.Version20 : HttpVersion.Version11;
        message.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
    }

    private void AddOwnHeaders(HttpRequestMessage message, Tracing.TraceContext trace)
    {
        if (options.ApiToken.Length > 0)
        {
            message.Headers.TryAddWithoutValidation(HeaderRules.ApiToken, options.ApiToken);
        }

        if (trace.TraceParent is { Length: > 0 } parent)
        {
            message.Headers.TryAddWithoutValidation("traceparent", parent);
        }

        if (trace.TraceState is { Length: > 0 } state)
        {
            message.Headers.TryAddWithoutValidation("tracestate", state);
        }

        if (trace.Baggage is { Length: > 0 } baggage)
        {
            message.Headers.TryAddWithoutValidation("baggage", baggage);
        }
    }
}
