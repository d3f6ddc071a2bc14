using DaprK8s.Common.Text;
using DaprK8s.Sidecar.Errors;
using Grpc.Core;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>Every error of the secrets API (contract: api 1.4.5).</summary>
internal static class SecretErrors
{
    public static DaprError NotConfigured() => Unavailable("secret store is not configured");

    /// <summary>The store is configured, but can't serve now; the text tells since when and why.</summary>
    public static DaprError NotReady(string text) => Unavailable(text);

    public static DaprError NotFound(string store)
        => Simple("ERR_SECRET_STORE_NOT_FOUND", $"failed finding secret store with key {store}", 401, StatusCode.InvalidArgument);

    public static DaprError Denied(string secret, string store)
        => Simple(
            "ERR_PERMISSION_DENIED",
            $"access denied by policy to get {GoQuote.Quote(secret)} from {GoQuote.Quote(store)}",
            403,
            StatusCode.PermissionDenied);

    public static DaprError Get(string secret, string store, Exception cause)
        => Simple(
            "ERR_SECRET_GET", $"failed getting secret with key {secret} from secret store {store}: {cause.Message}", 500, StatusCode.Internal);

    public static DaprError BulkGet(string store, Exception cause)
        => Simple("ERR_SECRET_GET", $"failed getting secrets from secret store {store}: {cause.Message}", 500, StatusCode.Internal);

    private static DaprError Unavailable(string text) => Simple("ERR_SECRET_STORES_NOT_CONFIGURED", text, 500, StatusCode.FailedPrecondition);

    private static DaprError Simple(string code, string text, int http, StatusCode grpc) => new(code, text, http, grpc) { Category = "secret" };
}
