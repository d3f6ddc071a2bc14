using System.Collections.Frozen;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Api.Http;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>The API access list on the gRPC surface: which group each method of the Dapr service belongs to (contract: api 2.3).</summary>
internal sealed class GrpcAccess
{
    private const string RuntimePrefix = "/dapr.proto.runtime.";
    private const string DaprPrefix = "/dapr.proto.runtime.v1.Dapr/";

    private static readonly (string Group, string Methods)[] Groups =
    [
        ("invoke.v1", "InvokeService"),
        ("state.v1", "GetState GetBulkState SaveState DeleteState DeleteBulkState ExecuteStateTransaction"),
        ("state.v1alpha1", "QueryStateAlpha1"),
        ("publish.v1", "PublishEvent BulkPublishEvent"),
        ("publish.v1alpha1", "BulkPublishEventAlpha1"),
        ("subscribe.v1alpha1", "SubscribeTopicEventsAlpha1"),
        ("bindings.v1", "InvokeBinding"),
        ("secrets.v1", "GetSecret GetBulkSecret"),
        ("actors.v1", "RegisterActorTimer UnregisterActorTimer RegisterActorReminder GetActorReminder UnregisterActorReminder UnregisterActorRemindersByType ListActorReminders GetActorState ExecuteActorStateTransaction InvokeActor"),
        ("actors.v1alpha1", "SubscribeActorEventsAlpha1"),
        ("metadata.v1", "GetMetadata SetMetadata"),
        ("configuration.v1", "GetConfiguration SubscribeConfiguration UnsubscribeConfiguration"),
        ("configuration.v1alpha1", "GetConfigurationAlpha1 SubscribeConfigurationAlpha1 UnsubscribeConfigurationAlpha1"),
        ("lock.v1alpha1", "TryLockAlpha1"),
        ("unlock.v1alpha1", "UnlockAlpha1"),
        ("crypto.v1alpha1", "EncryptAlpha1 DecryptAlpha1"),
        ("subtlecrypto.v1alpha1", "SubtleGetKeyAlpha1 SubtleEncryptAlpha1 SubtleDecryptAlpha1 SubtleWrapKeyAlpha1 SubtleUnwrapKeyAlpha1 SubtleSignAlpha1 SubtleVerifyAlpha1"),
        ("workflows.v1alpha1", Workflow("Alpha1")),
        ("workflows.v1beta1", Workflow("Beta1")),
        ("jobs.v1", "ScheduleJob DeleteJob GetJob DeleteJobsByPrefix ListJobs"),
        ("jobs.v1alpha1", "ScheduleJobAlpha1 DeleteJobAlpha1 GetJobAlpha1 DeleteJobsByPrefixAlpha1 ListJobsAlpha1"),
        ("conversation.v1alpha1", "ConverseAlpha1"),
        ("conversation.v1alpha2", "ConverseAlpha2"),
        ("shutdown.v1", "Shutdown"),
    ];

    private readonly FrozenSet<string>? refused;
    private readonly FrozenSet<string>? served;

    public GrpcAccess(ApiSpec? spec)
    {
        var access = ApiAccess.ForGrpc(spec, name => Groups.Any(g => g.Group == name));
        served = access.IsClosed ? Methods(g => access.Allows(g)) : null;
        refused = Methods(g => !access.Allows(g)) is { Count: > 0 } set ? set : null;
    }

    /// <summary>Whether a full method name may be called; proxied services are none of the list's business.</summary>
    public bool Allows(string path)
        => refused is null || !path.StartsWith(RuntimePrefix, StringComparison.Ordinal) || (served?.Contains(path) ?? !refused.Contains(path));

    private static FrozenSet<string> Methods(Func<string, bool> fits)
        => Groups.Where(g => fits(g.Group)).SelectMany(g => g.Methods.Split(' ')).Select(m => DaprPrefix + m).ToFrozenSet(StringComparer.Ordinal);

    private static string Workflow(string suffix)
        => string.Join(' ', new[] { "Start", "Get", "Terminate", "RaiseEvent", "Purge", "Pause", "Resume" }.Select(v => $"{v}Workflow{suffix}"));
}
