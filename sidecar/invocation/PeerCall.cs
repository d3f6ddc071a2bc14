using System.Net;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// One call to a peer sidecar: <c>CallLocalStream</c>, and <c>CallLocal</c> for a peer that does not know it (contract: messaging 5.9).
/// The request body is framed while it is read, the answer's body while it arrives.
/// </summary>
internal sealed class PeerCall(Peers peers, long maxMessageBytes)
{
    private const string Service = "/dapr.proto.internals.v1.ServiceInvocation/";

    private static readonly MediaTypeHeader GrpcContentType = new("application/grpc");

    /// <summary>Calls the sidecar at an address.</summary>
    /// <param name="target">The app; under mTLS the peer must prove to be its sidecar.</param>
    /// <param name="address"><c>host:port</c>.</param>
    /// <param name="head">The leading message, headers of the caller's sidecar included.</param>
    /// <param name="body">The body; read from its beginning.</param>
    /// <param name="replayable">The body can be had again, so that an old peer can be called the old way.</param>
    /// <param name="trace">The caller's trace.</param>
    /// <param name="cancellationToken">Ends the call and the reading of its answer.</param>
    /// <exception cref="TransportException">The peer could not be reached or refused the call.</exception>
    public async ValueTask<InvokeResponse> InvokeAsync(
        TargetName target,
        string address,
        InternalRequestHead head,
        Stream body,
        ReadOnlyMemory<byte>? replayable,
        TraceContext trace,
        CancellationToken cancellationToken)
    {
        var response = await SendAsync(target, address, "CallLocalStream", new PeerRequestContent(head, body), trace, cancellationToken);
        try
        {
            if (StatusInHeaders(response) is { } early && early.StatusCode != StatusCode.OK)
            {
                if (early.StatusCode != StatusCode.Unimplemented)
                {
                    throw new TransportException(early.StatusCode, Describe(early));
                }

                response.Dispose();
                return replayable is { } bytes
                    ? await CallUnaryAsync(target, address, head, bytes, trace, cancellationToken)
                    : throw new TransportException(
                        StatusCode.Internal,
                        $"target app '{head.Metadata.Find(HeaderRules.DestinationAppId)}' is running a version of Dapr that does not support streaming-based service invocation");
            }

            return await ReadAnswerAsync(response, cancellationToken);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private async ValueTask<InvokeResponse> CallUnaryAsync(
        TargetName target, string address, InternalRequestHead head, ReadOnlyMemory<byte> body, TraceContext trace, CancellationToken cancellationToken)
    {
        head.Data = body;
        using var response = await SendAsync(target, address, "CallLocal", new PeerUnaryContent(head), trace, cancellationToken);
        if (StatusInHeaders(response) is { } early && early.StatusCode != StatusCode.OK)
        {
            throw new TransportException(early.StatusCode, Describe(early));
        }

        using var frames = new FrameReader(await response.Content.ReadAsStreamAsync(cancellationToken), maxMessageBytes);
        var message = await frames.ReadAsync(cancellationToken);
        var answer = message is { } bytes ? InternalMessages.ReadResponse(bytes.Span) : null;
        while (await frames.ReadAsync(cancellationToken) is not null)
        {
            // The status stands in the trailers, behind the last message.
        }

        ThrowIfFailed(response);
        return answer is null
            ? throw new TransportException(StatusCode.Internal, "the peer sent no answer")
            : ToResponse(answer, answer.Data.IsEmpty ? Stream.Null : new MemoryStream(answer.Data.ToArray(), writable: false), null);
    }

    private async ValueTask<HttpResponseMessage> SendAsync(
        TargetName target, string address, string method, HttpContent content, TraceContext trace, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}{Service}{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.ContentType = GrpcContentType.Value;
        request.Headers.TryAddWithoutValidation("te", "trailers");
        if (trace.TraceParent.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("traceparent", trace.TraceParent);
            if (trace.IsValid && GrpcTraceBin.FromTraceParent(trace.TraceParent) is { } binary)
            {
                request.Headers.TryAddWithoutValidation(GrpcTraceBin.Header, Convert.ToBase64String(binary));
            }
        }

        if (trace.TraceState is { Length: > 0 } state)
        {
            request.Headers.TryAddWithoutValidation("tracestate", state);
        }

        if (trace.Baggage is { Length: > 0 } baggage)
        {
            request.Headers.TryAddWithoutValidation("baggage", baggage);
        }

        try
        {
            var response = await peers.For(target).SendAsync(request, cancellationToken);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                return response;
            }

            response.Dispose();
            throw new TransportException(StatusCode.Unavailable, $"the peer at {address} answered HTTP {(int)response.StatusCode}");
        }
        catch (HttpRequestException e)
        {
            throw e.InnerException as DaprException as Exception
                ?? new TransportException(StatusCode.Unavailable, $"connection error to {address}: {e.InnerException?.Message ?? e.Message}", e);
        }
    }

    private async ValueTask<InvokeResponse> ReadAnswerAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var frames = new FrameReader(await response.Content.ReadAsStreamAsync(cancellationToken), maxMessageBytes + 1024);
        try
        {
            if (await frames.ReadAsync(cancellationToken) is not { } message)
            {
                ThrowIfFailed(response);
                throw new TransportException(StatusCode.Internal, "the peer sent no answer");
            }

            var body = new PayloadStream(frames, () =>
            {
                ThrowIfFailed(response);
                return ValueTask.CompletedTask;
            });
            var head = ReadLeading(message.Span, body);
            return ToResponse(head, body, () =>
            {
                if (body.IsAtEnd)
                {
                    frames.Dispose();
                }

                response.Dispose();
                return ValueTask.CompletedTask;
            });
        }
        catch (Exception e)
        {
            frames.Dispose();
            throw e switch
            {
                IOException or HttpRequestException => new TransportException(StatusCode.Unavailable, $"the peer's answer broke off: {e.Message}", e),
                WireException => new TransportException(StatusCode.Internal, $"the peer's answer is none: {e.Message}", e),
                _ => e,
            };
        }
    }

    private static InternalResponseHead ReadLeading(ReadOnlySpan<byte> message, PayloadStream body)
    {
        InternalResponseHead? head = null;
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    head = InternalMessages.ReadResponse(reader.Bytes());
                    break;
                case 2:
                    body.Push(reader.Bytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return head switch
        {
            not { HasStatus: true } => throw new WireException("the first message of the answer has no status"),
            { Code: < 0 or > 999 } => throw new WireException($"{head.Code} is no status"),
            _ => head,
        };
    }

    private static InvokeResponse ToResponse(InternalResponseHead head, Stream body, Func<ValueTask>? release)
        => new(release)
        {
            Code = head.Code,
            Message = head.Message,
            Details = head.Details,
            Headers = head.Headers,
            Trailers = head.Trailers,
            ContentType = head.ContentType.Length > 0 ? head.ContentType : head.Headers.Find("content-type") ?? "",
            DataTypeUrl = head.DataTypeUrl,
            Body = body,
        };

    private static void ThrowIfFailed(HttpResponseMessage response)
    {
        var status = GrpcStatusOf(response.TrailingHeaders.NonValidated) ?? StatusInHeaders(response);
        if (status is not { StatusCode: StatusCode.OK })
        {
            throw status is { } s
                ? new TransportException(s.StatusCode, Describe(s))
                : new TransportException(StatusCode.Unavailable, "the peer's answer broke off before its status");
        }
    }

    private static Status? StatusInHeaders(HttpResponseMessage response) => GrpcStatusOf(response.Headers.NonValidated);

    private static Status? GrpcStatusOf(System.Net.Http.Headers.HttpHeadersNonValidated headers)
        => headers.TryGetValues("grpc-status", out var code) && int.TryParse(code.ToString(), out var number)
            ? new Status((StatusCode)number, headers.TryGetValues("grpc-message", out var message) ? Uri.UnescapeDataString(message.ToString()) : "")
            : null;

    private static string Describe(Status status) => $"rpc error: code = {status.StatusCode} desc = {status.Detail}";

    private sealed record MediaTypeHeader(string Text)
    {
        public System.Net.Http.Headers.MediaTypeHeaderValue Value { get; } = new(Text);
    }
}
