using DaprK8s.Common.GrpcServer;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Observability;
using Grpc.Core;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>What the gRPC surface adds to a call: the building blocks' error as a status, metrics, the error-code metric and the API log.</summary>
internal sealed class ApiCallObserver(GrpcServerMetrics metrics, ErrorCodeMetric errorCodes, ApiLog apiLog) : IGrpcCallObserver
{
    public RpcException? Translate(Exception exception)
    {
        if (exception is not DaprException { Error: var error })
        {
            return null;
        }

        errorCodes.Record(error);
        return GrpcErrorWriter.ToRpcException(error);
    }

    public void Completed(GrpcCall call, StatusCode status, int received, int sent, TimeSpan elapsed)
    {
        metrics.Record(call.Method, status, received, sent, elapsed);
        apiLog.WriteGrpc(call.Method, (int)status, call.Http.Request.Headers.UserAgent, elapsed);
    }
}
