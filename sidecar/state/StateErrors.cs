using System.Globalization;
using DaprK8s.Components;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Resiliency;
using Grpc.Core;

namespace DaprK8s.Sidecar.State;

/// <summary>Every error of the state API (contract: api 1.4.3).</summary>
internal static class StateErrors
{
    private const string Category = "state";

    public static DaprError NotConfigured(string store, string appId) => Unavailable($"state store {store} is not configured", appId);

    /// <summary>The store is configured, but can't serve now; the text tells since when and why.</summary>
    public static DaprError NotReady(string text, string appId) => Unavailable(text, appId);

    public static DaprError NotFound(string store, string appId)
        => new("ERR_STATE_STORE_NOT_FOUND", $"state store {store} is not found", 400, StatusCode.InvalidArgument)
        {
            Reason = "DAPR_STATE_NOT_FOUND",
            Metadata = AppId(appId),
            IsMetadataHttpOnly = true,
            Category = Category,
        };

    public static DaprError IllegalKey(string key, string store)
    {
        var text = KeyPrefix.IllegalText(key);
        var error = new DaprError("ERR_MALFORMED_REQUEST", text, 400, StatusCode.InvalidArgument)
        {
            Reason = "DAPR_STATE_ILLEGAL_KEY",
            FieldViolation = (key, text),
            Resource = Store(store),
            Category = Category,
        };
        return error with { HttpMessage = error.Inner };
    }

    public static DaprError KeyRequired() => CommonErrors.Malformed("\"key\" is a required field");

    /// <summary>What gRPC calls a missing key of a save.</summary>
    public static DaprError EmptyKey() => Simple("ERR_STATE_SAVE", "state key cannot be empty", 400, StatusCode.InvalidArgument);

    public static DaprError TransactionsNotSupported(string store)
        => new("ERR_STATE_STORE_NOT_SUPPORTED", $"state store {store} doesn't support transactions", 500, StatusCode.Unimplemented)
        {
            Reason = "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED",
            Resource = Store(store),
            HelpLink = (
                "https://docs.dapr.io/reference/components-reference/supported-state-stores/",
                "Check the list of state stores and the features they support"),
            Category = Category,
        };

    public static DaprError QueryNotSupported(string store)
        => new("ERR_STATE_STORE_NOT_SUPPORTED", "state store does not support querying", 500, StatusCode.Internal)
        {
            Reason = "DAPR_STATE_QUERYING_NOT_SUPPORTED",
            Resource = Store(store),
            Category = Category,
        };

    public static DaprError TooManyOperations(string store, int operations, int limit)
        => new(
            "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS",
            $"the transaction contains {operations} operations, which is more than what the state store supports: {limit}",
            400,
            StatusCode.InvalidArgument)
        {
            Reason = "DAPR_STATE_TOO_MANY_TRANSACTIONS",
            Metadata = new Dictionary<string, string>
            {
                ["currentOpsTransaction"] = operations.ToString(CultureInfo.InvariantCulture),
                ["maxOpsPerTransaction"] = limit.ToString(CultureInfo.InvariantCulture),
            },
            Resource = Store(store),
            Category = Category,
        };

    public static DaprError OperationNotSupported(string operation)
        => Simple("ERR_NOT_SUPPORTED_STATE_OPERATION", $"operation type {operation} not supported", 400, StatusCode.Unimplemented);

    public static DaprError Get(string key, string store, Exception cause)
        => Simple("ERR_STATE_GET", $"fail to get {key} from state store {store}: {Text(cause)}", 500, StatusCode.Internal);

    public static DaprError Save(string store, Exception cause)
        => Write("ERR_STATE_SAVE", $"failed saving state in state store {store}: ", cause);

    public static DaprError Delete(string key, Exception cause)
        => Write("ERR_STATE_DELETE", $"failed deleting state with key {key}: ", cause);

    public static DaprError BulkDelete(string store, Exception cause)
        => Write("ERR_STATE_BULK_DELETE", $"failed deleting state in state store {store}: ", cause);

    /// <summary>Over gRPC the store's error shows as it is: bare text, no details.</summary>
    public static DaprError BulkGet(Exception cause)
        => new("ERR_STATE_BULK_GET", Text(cause), 500, StatusCode.Unknown) { Category = Category };

    public static DaprError Transaction(Exception cause)
        => Simple("ERR_STATE_TRANSACTION", $"error while executing state transaction: {Text(cause)}", 500, StatusCode.Internal);

    private static DaprError Write(string code, string text, Exception cause)
    {
        cause = PermanentFailureException.Unwrap(cause);
        var decisive = cause;
        if (cause is BulkStateException { Failures: var failures })
        {
            // One kind decides the status of them all, so its text comes first.
            var ordered = failures.OrderBy(f => Rank(f.Value)).ToArray();
            cause = new BulkStateException(ordered);
            decisive = ordered[0].Value;
        }

        return Rank(decisive) switch
        {
            0 => Simple(code, text + cause.Message, 400, StatusCode.InvalidArgument),
            1 => Simple(code, text + cause.Message, 409, StatusCode.Aborted),
            _ => Simple(code, text + cause.Message, 500, StatusCode.Internal),
        };
    }

    private static int Rank(Exception failure)
        => failure switch { InvalidETagException => 0, ETagMismatchException => 1, _ => 2 };

    private static string Text(Exception cause) => PermanentFailureException.Unwrap(cause).Message;

    private static DaprError Unavailable(string text, string appId)
        => new("ERR_STATE_STORE_NOT_CONFIGURED", text, 500, StatusCode.FailedPrecondition)
        {
            Reason = "DAPR_STATE_NOT_CONFIGURED",
            Metadata = AppId(appId),
            IsMetadataHttpOnly = true,
            Category = Category,
        };

    private static DaprError Simple(string code, string text, int http, StatusCode grpc)
        => new(code, text, http, grpc) { HasGrpcErrorInfo = true, Category = Category };

    private static ResourceDetail Store(string name) => new("state", name);

    private static Dictionary<string, string>? AppId(string appId) => appId.Length == 0 ? null : new() { ["appID"] = appId };
}
