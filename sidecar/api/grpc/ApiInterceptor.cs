using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Observability;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>
/// Frames every call of a Dapr service: turns the building blocks' error into a status, an unexpected exception into UNKNOWN and a
/// log line with its stack, and records metrics and the API log.
/// </summary>
internal sealed partial class ApiInterceptor(
    GrpcServerMetrics metrics, ErrorCodeMetric errorCodes, ApiLog apiLog, TimeProvider time, ILogger<ApiInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var started = time.GetTimestamp();
        var status = StatusCode.OK;
        long sent = 0;
        try
        {
            var response = await continuation(request, context);
            sent = SizeOf(response);
            return response;
        }
        catch (Exception e)
        {
            var error = Translate(e, context);
            status = error.StatusCode;
            throw error;
        }
        finally
        {
            var elapsed = time.GetElapsedTime(started);
            metrics.Record(context.Method, status, SizeOf(request), sent, elapsed);
            apiLog.WriteGrpc(context.Method, (int)status, context.RequestHeaders.GetValue("user-agent"), elapsed);
        }
    }

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
        => StreamAsync(() => continuation(requestStream, responseStream, context), context);

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
        => StreamAsync(() => continuation(request, responseStream, context), context);

    private async Task StreamAsync(Func<Task> continuation, ServerCallContext context)
    {
        try
        {
            await continuation();
        }
        catch (Exception e)
        {
            throw Translate(e, context);
        }
    }

    private RpcException Translate(Exception exception, ServerCallContext context)
    {
        switch (exception)
        {
            case RpcException status:
                return status;
            case DaprException { Error: var error }:
                errorCodes.Record(error);
                return GrpcErrorWriter.ToRpcException(error);
            case OperationCanceledException when context.CancellationToken.IsCancellationRequested:
                return new RpcException(new Status(StatusCode.Cancelled, "the call was cancelled"));
            default:
                LogUnexpected(exception, context.Method);
                return new RpcException(new Status(StatusCode.Unknown, exception.Message));
        }
    }

    private static long SizeOf<T>(T message) => message is IMessage m ? m.CalculateSize() : 0;

    [LoggerMessage(LogLevel.Error, "unexpected error while handling {Method}")]
    private partial void LogUnexpected(Exception exception, string method);
}
