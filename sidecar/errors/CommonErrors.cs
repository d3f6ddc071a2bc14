using Grpc.Core;

namespace DaprK8s.Sidecar.Errors;

/// <summary>Errors that belong to no single building block (contract: api 1.4.1).</summary>
internal static class CommonErrors
{
    /// <summary>The text of a body over the limit; clients match it.</summary>
    public const string StreamTooLarge = "stream too large";

    public static DaprError BadRequest(string detail)
        => new("ERR_BAD_REQUEST", $"invalid request: {detail}", 400, StatusCode.InvalidArgument);

    public static DaprError BodyRead(string detail)
        => new("ERR_BODY_READ", $"failed to read request body: {detail}", 400, StatusCode.InvalidArgument);

    public static DaprError Malformed(string message)
        => new("ERR_MALFORMED_REQUEST", message, 400, StatusCode.InvalidArgument);

    public static DaprError MalformedBody(string detail) => Malformed($"failed deserializing HTTP body: {detail}");

    public static DaprError Unimplemented()
        => new("ERR_API_UNIMPLEMENTED", "this API is currently not implemented", 501, StatusCode.Unimplemented);

    /// <summary>An error that nothing else accounts for.</summary>
    public static DaprError Unclassified(string message) => new(DaprError.NoCode, message, 500, StatusCode.Unknown);

    public static DaprError HealthNotReady(IEnumerable<string> pending)
        => new("ERR_HEALTH_NOT_READY", $"dapr is not ready: [{string.Join(' ', pending)}]", 500, StatusCode.Internal) { Category = "health" };

    public static DaprError OutboundNotReady(string detail)
        => new("ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready" + detail, 500, StatusCode.Internal) { Category = "health" };

    public static DaprError AppIdMismatch()
        => new("ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match", 500, StatusCode.Internal) { Category = "health" };
}
