using Grpc.Core;

namespace DaprK8s.Sidecar.Errors;

/// <summary>The two tables between gRPC codes and HTTP statuses (contract: api 1.4.10). They are not each other's inverse.</summary>
internal static class StatusMapping
{
    public static int ToHttp(StatusCode code)
        => code switch
        {
            StatusCode.OK => 200,
            StatusCode.Cancelled => 408,
            StatusCode.InvalidArgument or StatusCode.FailedPrecondition or StatusCode.OutOfRange => 400,
            StatusCode.DeadlineExceeded => 504,
            StatusCode.NotFound => 404,
            StatusCode.AlreadyExists or StatusCode.Aborted => 409,
            StatusCode.PermissionDenied => 403,
            StatusCode.Unauthenticated => 401,
            StatusCode.ResourceExhausted => 429,
            StatusCode.Unimplemented => 501,
            StatusCode.Unavailable => 503,
            _ => 500,
        };

    public static StatusCode ToGrpc(int http)
        => http switch
        {
            >= 200 and < 300 => StatusCode.OK,
            408 => StatusCode.Cancelled,
            500 => StatusCode.Unknown,
            400 => StatusCode.Internal,
            504 => StatusCode.DeadlineExceeded,
            404 => StatusCode.NotFound,
            409 => StatusCode.AlreadyExists,
            403 => StatusCode.PermissionDenied,
            401 => StatusCode.Unauthenticated,
            429 => StatusCode.ResourceExhausted,
            501 => StatusCode.Unimplemented,
            503 => StatusCode.Unavailable,
            _ => StatusCode.Unknown,
        };
}
