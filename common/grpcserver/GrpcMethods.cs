using System.Collections.Frozen;
using DaprK8s.Common.Wire;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.GrpcServer;

/// <summary>What a service adds to each of its calls: its own errors, its metrics and its log.</summary>
public interface IGrpcCallObserver
{
    /// <summary>Turns an error of the service into a status, or answers <see langword="null"/> for one that is none of its own.</summary>
    RpcException? Translate(Exception exception);

    /// <summary>A unary call has its status.</summary>
    /// <param name="call">The call.</param>
    /// <param name="status">Its status.</param>
    /// <param name="received">Bytes of the request message.</param>
    /// <param name="sent">Bytes of the answer.</param>
    /// <param name="elapsed">The time between them.</param>
    void Completed(GrpcCall call, StatusCode status, int received, int sent, TimeSpan elapsed);
}

/// <summary>
/// The methods of a process's own gRPC services, by path. Each call is framed here: the service's error becomes a status, an
/// unexpected exception UNKNOWN and a log line with its stack.
/// </summary>
/// <param name="observer">The service's part.</param>
/// <param name="maxMessageBytes">The most bytes that a message of either direction may have.</param>
/// <param name="time">The clock for elapsed times.</param>
/// <param name="logger">For unexpected exceptions.</param>
/// <remarks>
/// The table is built without reflection or generic virtual calls. The framework's binder makes the types of some hundred methods at
/// start, which took 20 MB and a third of the start-up time of the native binary (ADR 004).
/// </remarks>
public sealed partial class GrpcMethods(IGrpcCallObserver observer, long maxMessageBytes, TimeProvider time, ILogger logger)
{
    private readonly Dictionary<string, Func<GrpcCall, ValueTask>> building = [];
    private readonly HashSet<string> services = [];
    private FrozenDictionary<string, Func<GrpcCall, ValueTask>>? table;

    /// <summary>Adds a unary method.</summary>
    public void Unary<TRequest, TResponse>(
        string service, string method, MessageParser<TRequest> parser, Func<TRequest, ServerCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
        => Add(service, method, call => RunUnaryAsync(call, parser, handler));

    /// <summary>Adds a bidirectional stream.</summary>
    public void Duplex<TRequest, TResponse>(
        string service,
        string method,
        MessageParser<TRequest> parser,
        Func<IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
        => Add(service, method, call => FrameAsync(call, async c =>
        {
            await handler(new RequestStream<TRequest>(c, parser), new ResponseStream<TResponse>(c), c);
            return (0, 0);
        }, isUnary: false));

    /// <summary>Adds a method that answers one message with a stream.</summary>
    public void ServerStream<TRequest, TResponse>(
        string service,
        string method,
        MessageParser<TRequest> parser,
        Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
        => Add(service, method, call => FrameAsync(call, async c =>
        {
            var request = await FirstAsync(c, parser);
            c.EndReading();
            await handler(request, new ResponseStream<TResponse>(c), c);
            return (0, 0);
        }, isUnary: false));

    /// <summary>Adds a method that answers a stream with one message.</summary>
    public void ClientStream<TRequest, TResponse>(
        string service, string method, MessageParser<TRequest> parser, Func<IAsyncStreamReader<TRequest>, ServerCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
        => Add(service, method, call => FrameAsync(call, async c =>
        {
            await c.WriteAsync(await handler(new RequestStream<TRequest>(c, parser), c), c.CancellationToken);
            return (0, 0);
        }, isUnary: false));

    /// <summary>Serves a call of an own service.</summary>
    /// <returns>Whether the path belongs to one; if not, nothing was done.</returns>
    public async ValueTask<bool> TryServeAsync(HttpContext context)
    {
        table ??= building.ToFrozenDictionary(StringComparer.Ordinal);
        var path = context.Request.Path.Value ?? "";
        if (!table.TryGetValue(path, out var method))
        {
            var end = path.LastIndexOf('/');
            if (end <= 0 || !services.Contains(path[1..end]))
            {
                return false;
            }

            await GrpcResponse.EndAsync(context, StatusCode.Unimplemented, $"method {path[(end + 1)..]} is not available in this version");
            return true;
        }

        using var call = new GrpcCall(context, maxMessageBytes);
        await method(call);
        return true;
    }

    private void Add(string service, string method, Func<GrpcCall, ValueTask> handler)
    {
        services.Add(service);
        building.Add($"/{service}/{method}", handler);
    }

    private ValueTask RunUnaryAsync<TRequest, TResponse>(
        GrpcCall call, MessageParser<TRequest> parser, Func<TRequest, ServerCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
        => FrameAsync(call, async c =>
        {
            var request = await FirstAsync(c, parser);
            var response = await handler(request, c);
            await c.WriteAsync(response, c.CancellationToken);
            return (request.CalculateSize(), response.CalculateSize());
        }, isUnary: true);

    private static async ValueTask<TRequest> FirstAsync<TRequest>(GrpcCall call, MessageParser<TRequest> parser)
        where TRequest : class, IMessage<TRequest>
        => await call.ReadAsync(parser, call.CancellationToken)
            ?? throw new RpcException(new Status(StatusCode.Internal, "the call holds no message"));

    private async ValueTask FrameAsync(GrpcCall call, Func<GrpcCall, ValueTask<(int Received, int Sent)>> body, bool isUnary)
    {
        var started = time.GetTimestamp();
        var (status, trailers) = (Status.DefaultSuccess, (Metadata?)null);
        var sizes = (Received: 0, Sent: 0);
        try
        {
            sizes = await body(call);
        }
        catch (Exception e)
        {
            var error = Translate(e, call);
            (status, trailers) = (error.Status, error.Trailers);
        }

        if (isUnary)
        {
            var elapsed = time.GetElapsedTime(started);
            observer.Completed(call, status.StatusCode, sizes.Received, sizes.Sent, elapsed);
        }

        if (!call.Http.RequestAborted.IsCancellationRequested)
        {
            await call.EndAsync(status, trailers);
        }
    }

    private RpcException Translate(Exception exception, GrpcCall call)
    {
        if (observer.Translate(exception) is { } own)
        {
            return own;
        }

        switch (exception)
        {
            case RpcException status:
                return status;
            case WireException e when e.Message.Contains("larger than max", StringComparison.Ordinal):
                return new RpcException(new Status(StatusCode.ResourceExhausted, $"grpc: {e.Message}"));
            case WireException or InvalidProtocolBufferException:
                return new RpcException(new Status(StatusCode.Internal, $"the message can't be read: {exception.Message}"));
            case OperationCanceledException when call.IsPastDeadline:
                return new RpcException(new Status(StatusCode.DeadlineExceeded, "context deadline exceeded"));
            case Exception when call.Http.RequestAborted.IsCancellationRequested:
                return new RpcException(new Status(StatusCode.Cancelled, "the call was cancelled"));
            default:
                LogUnexpected(exception, call.Method);
                return new RpcException(new Status(StatusCode.Unknown, exception.Message));
        }
    }

    [LoggerMessage(LogLevel.Error, "unexpected error while handling {Method}")]
    private partial void LogUnexpected(Exception exception, string method);
}
