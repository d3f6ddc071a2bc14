using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// The callee's side of the internal protocol (contract: messaging 5.9): takes calls of other sidecars and passes them to the app.
/// Order: app channel present, leading message valid, method normalised, access control, app call.
/// </summary>
internal sealed class InternalServer(
    SidecarInfo self, AppChannel app, AccessGate gate, GrpcProxy proxy, InvocationMetrics metrics, Tracer tracer, long maxMessageBytes)
{
    private const string Service = "/dapr.proto.internals.v1.ServiceInvocation/";

    public ValueTask HandleAsync(HttpContext context)
        => context.Request.Path.Value switch
        {
            Service + "CallLocalStream" => GuardAsync(context, streaming: true),
            Service + "CallLocal" => GuardAsync(context, streaming: false),
            var path when path!.StartsWith(Service, StringComparison.Ordinal)
                => GrpcResponse.EndAsync(context, StatusCode.Unimplemented, $"unknown method {path[Service.Length..]} for service dapr.proto.internals.v1.ServiceInvocation"),
            _ => proxy.FromPeerAsync(context),
        };

    private async ValueTask GuardAsync(HttpContext context, bool streaming)
    {
        try
        {
            await ServeAsync(context, streaming);
        }
        catch (WireException e)
        {
            await GrpcResponse.EndAsync(context, StatusCode.InvalidArgument, $"parsing InternalInvokeRequest error: {e.Message}");
        }
        catch (FormatException e)
        {
            await GrpcResponse.EndAsync(context, StatusCode.InvalidArgument, e.Message);
        }
        catch (TransportException e)
        {
            await GrpcResponse.EndAsync(context, e.Code == StatusCode.Unavailable ? StatusCode.Internal : e.Code, e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            // The caller went away; nobody is left to answer.
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // The app broke off in the middle of its answer: the caller must see that it is not whole.
            await GrpcResponse.EndAsync(context, StatusCode.Internal, $"error invoking app channel: {e.Message}");
        }
    }

    private async ValueTask ServeAsync(HttpContext context, bool streaming)
    {
        var target = app.RequireTarget("app channel is not initialized");
        var frames = new FrameReader(context.Request.Body, maxMessageBytes);
        if (await frames.ReadAsync(context.RequestAborted) is not { } message)
        {
            throw new WireException("no message");
        }

        var body = new PayloadStream(frames, null);
        var head = streaming ? ReadLeading(message.Span, body) : InternalMessages.ReadRequest(message.Span);
        var method = MethodName.Normalise(head.Method);
        var peer = PeerIdentity.Of(context);
        if (gate.Refuse(peer, method, app.Grpc is null && head.HasHttpExtension ? head.Verb : AccessList.NoVerb) is { } refusal)
        {
            frames.Dispose();
            await GrpcResponse.EndAsync(context, StatusCode.PermissionDenied, refusal);
            return;
        }

        var stamp = PeerStamp.Read(peer, head.Metadata);
        var caller = stamp.AppId is { Length: > 0 } id ? id : "unknown";
        metrics.RequestReceived(caller);
        using var span = tracer.StartInternal(context, method);
        var length = AnnouncedLength(head);

        // Without an announced length only the stream itself tells whether there is a body; verbs that usually have none are not
        // sent with an empty one.
        var hasBody = length != 0 && (!streaming || length is not null || !IsBodiless(head.Verb) || await body.HasMoreAsync(context.RequestAborted));
        var request = ToRequest(head, stamp, method, !hasBody ? Stream.Null : streaming ? body : Unary(head), span.Context, streaming ? length : head.Data.Length);
        await using var response = await target.InvokeAsync(request, context.RequestAborted);
        metrics.ResponseSent(caller, response.Code);
        span.SetStatus(response.Code);
        if (streaming)
        {
            await PumpAsync(context, response);
        }
        else
        {
            await AnswerUnaryAsync(context, response);
        }

        // The app may have answered before it took the whole body, which is then still read from in the background.
        if (!streaming || body.IsAtEnd)
        {
            frames.Dispose();
        }
    }

    private static Stream Unary(InternalRequestHead head) => head.Data.IsEmpty ? Stream.Null : new MemoryBody(head.Data);

    private static long? AnnouncedLength(InternalRequestHead head)
        => long.TryParse(head.Metadata.Find("content-length"), out var announced) && announced >= 0 ? announced : null;

    private InvokeRequest ToRequest(InternalRequestHead head, PeerStamp stamp, string method, Stream body, TraceContext trace, long? length)
    {
        var contentType = head.ContentType.Length > 0 ? head.ContentType : head.Metadata.Find("content-type") ?? "";
        var eventStream = string.Equals(head.Metadata.Find("accept")?.Trim(), "text/event-stream", StringComparison.OrdinalIgnoreCase);
        var headers = new HeaderList(head.Metadata.Count);
        foreach (var (name, value) in head.Metadata)
        {
            if (HeaderRules.PassesMetadata(name))
            {
                headers.Add(name, value);
            }
        }

        stamp.AddTo(headers, self.AppId);
        return new InvokeRequest
        {
            Method = method,
            Verb = head.HasHttpExtension ? head.Verb : app.Grpc is not null ? AccessList.NoVerb : throw new FormatException("missing HTTP extension field"),
            Query = head.Query,
            Headers = headers,
            ContentType = contentType,
            DataTypeUrl = head.DataTypeUrl,
            Body = body,
            ContentLength = length,
            Trace = trace,
            IsEventStream = eventStream,
        };
    }

    private static bool IsBodiless(string verb) => verb is "GET" or "HEAD" or "OPTIONS" or "TRACE" or "DELETE";

    private static InternalRequestHead ReadLeading(ReadOnlySpan<byte> message, PayloadStream body)
    {
        InternalRequestHead? head = null;
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    head = InternalMessages.ReadRequest(reader.Bytes());
                    break;
                case 2:
                    body.Push(reader.Bytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return head ?? throw new WireException("the first message holds no request");
    }

    private static InternalResponseHead ToHead(InvokeResponse response)
    {
        var head = new InternalResponseHead
        {
            Code = response.Code,
            Message = response.Message,
            ContentType = response.ContentType,
            DataTypeUrl = response.DataTypeUrl,
        };
        head.Details.AddRange(response.Details);
        head.Headers.AddRange(response.Headers);
        if (response.ContentType.Length > 0)
        {
            head.Headers.Add("content-type", response.ContentType);
        }

        head.Trailers.AddRange(response.Trailers);
        return head;
    }

    private static async ValueTask PumpAsync(HttpContext context, InvokeResponse response)
    {
        using var wire = new WireBuffer();
        var frame = wire.BeginFrame();
        var message = wire.BeginMessage(1);
        InternalMessages.WriteResponse(wire, ToHead(response));
        wire.EndMessage(message);
        await PayloadWriter.SendAsync(
            wire, frame, response.Body, (bytes, ct) => GrpcResponse.WriteAsync(context, bytes, ct), context.RequestAborted);
        await GrpcResponse.EndAsync(context, StatusCode.OK, "");
    }

    private async ValueTask AnswerUnaryAsync(HttpContext context, InvokeResponse response)
    {
        using var body = new MemoryStream();
        await response.Body.CopyToAsync(body, context.RequestAborted);
        if (maxMessageBytes < body.Length)
        {
            await GrpcResponse.EndAsync(context, StatusCode.ResourceExhausted, $"trying to send message larger than max ({body.Length} vs. {maxMessageBytes})");
            return;
        }

        var head = ToHead(response);
        head.Data = body.GetBuffer().AsMemory(0, (int)body.Length);
        using var wire = new WireBuffer();
        var frame = wire.BeginFrame();
        InternalMessages.WriteResponse(wire, head);
        wire.EndFrame(frame);
        await GrpcResponse.WriteAsync(context, wire.Memory, context.RequestAborted);
        await GrpcResponse.EndAsync(context, StatusCode.OK, "");
    }
}
