using DaprK8s.Sidecar.Errors;
using Grpc.Core;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>Every error of the configuration API (contract: api 1.4.5, operations 6.5).</summary>
internal static class ConfigurationErrors
{
    public static DaprError NotConfigured() => Unavailable("configuration stores not configured");

    /// <summary>The store is configured, but can't serve now; the text tells since when and why.</summary>
    public static DaprError NotReady(string text) => Unavailable(text);

    public static DaprError NotFound(string store)
        => Simple("ERR_CONFIGURATION_STORE_NOT_FOUND", $"configuration store {store} not found", 400, StatusCode.InvalidArgument);

    public static DaprError Get(IReadOnlyList<string> keys, string store, Exception cause)
        => Simple("ERR_CONFIGURATION_GET", $"failed to get {List(keys)} from Configuration store {store}: {cause.Message}", 500, StatusCode.Internal);

    public static DaprError Subscribe(IReadOnlyList<string> keys, string store, Exception cause)
        => Simple(
            "ERR_CONFIGURATION_SUBSCRIBE", $"failed to subscribe {List(keys)} from Configuration store {store}: {cause.Message}", 500, StatusCode.InvalidArgument);

    public static DaprError Unsubscribe(string id, string cause)
        => Simple("ERR_CONFIGURATION_UNSUBSCRIBE", UnsubscribeText(id, cause), 500, StatusCode.Internal);

    /// <summary>Why a subscription could not be ended; gRPC says so in a good answer.</summary>
    public static string UnsubscribeText(string id, string cause) => $"failed to unsubscribe to configuration request {id}: {cause}";

    public static DaprError NoAppChannel()
        => new(
            "ERR_APP_CHANNEL_NIL", "app channel is not initialized. cannot subscribe to configuration updates", 500, StatusCode.Internal)
        {
            Category = "configuration",
        };

    // As Go prints a list.
    private static string List(IReadOnlyList<string> keys) => $"[{string.Join(' ', keys)}]";

    private static DaprError Unavailable(string text) => Simple("ERR_CONFIGURATION_STORE_NOT_CONFIGURED", text, 500, StatusCode.FailedPrecondition);

    private static DaprError Simple(string code, string text, int http, StatusCode grpc)
        => new(code, text, http, grpc) { HasGrpcErrorInfo = true, Category = "configuration" };
}
