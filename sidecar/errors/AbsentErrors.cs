using Grpc.Core;

namespace DaprK8s.Sidecar.Errors;

/// <summary>
/// What the building blocks that this version lacks answer: the reference's words for "nothing is configured" where it has them
/// (contract: api 1.4.5 to 1.4.9), never a success.
/// </summary>
internal static class AbsentErrors
{
    private const string Reason = "is not available in this version";

    public static DaprError Binding(string name)
        => new("ERR_INVOKE_OUTPUT_BINDING", $"error invoking output binding {name}: couldn't find output binding {name}", 500, StatusCode.Internal)
        {
            HasGrpcErrorInfo = true,
            Category = "binding",
        };

    public static DaprError Lock()
        => new("ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured", 500, StatusCode.FailedPrecondition) { Category = "lock" };

    public static DaprError Crypto()
        => new("ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED", "crypto providers not configured", 500, StatusCode.Internal) { Category = "crypto" };

    public static DaprError Conversation(string name)
        => new("ERR_CONVERSATION_NOT_FOUND", $"failed finding conversation component {name}", 400, StatusCode.InvalidArgument) { Category = "conversation" };

    public static DaprError Actors()
        => new("ERR_ACTOR_NO_PLACEMENT", "placement service is not configured", 400, StatusCode.Unavailable) { Category = "actor" };

    /// <summary>A job call; <paramref name="action"/> is <c>schedule</c>, <c>get</c>, <c>list</c> or <c>delete</c>.</summary>
    public static DaprError Jobs(string action)
    {
        var code = $"DAPR_SCHEDULER_{action.ToUpperInvariant()}_JOB";
        return new DaprError(code, $"failed to {action} job due to: the scheduler {Reason}", 500, StatusCode.Internal) { Reason = code, Category = "job" };
    }

    public static DaprError Workflows(string code, string message)
        => new(code, $"{message}: the workflow engine {Reason}", 500, StatusCode.Internal) { Category = "workflow" };
}
