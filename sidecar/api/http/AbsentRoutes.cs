using DaprK8s.Sidecar.Errors;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// The routes of building blocks that this version lacks. Without them such a request would be taken for a service invocation, and its
/// error would send the reader the wrong way.
/// </summary>
internal static class AbsentRoutes
{
    private static readonly string[] WorkflowVersions = ["v1.0", "v1.0-beta1", "v1.0-alpha1"];

    public static IEnumerable<ApiRoute> All
        => [.. Messaging(), .. Stores(), .. Actors(), .. Jobs(), .. WorkflowVersions.SelectMany(Workflows)];

    private static IEnumerable<ApiRoute> Messaging() =>
    [
        Refuse("POST PUT", "v1.0", "publish/bulk/{pubsub}/{topic...}", "BulkPublishEvent", "publish", _ => CommonErrors.Unimplemented()),
        Refuse("POST PUT", "v1.0-alpha1", "publish/bulk/{pubsub}/{topic...}", "BulkPublishEvent", "publish", _ => CommonErrors.Unimplemented()),
        Refuse("POST PUT", "v1.0", "bindings/{name}", "InvokeBinding", "bindings", r => AbsentErrors.Binding(r[0])),
        Refuse("POST", "v1.0-alpha1", "conversation/{name}/converse", "Converse", "conversation", r => AbsentErrors.Conversation(r[0])),
        Refuse("POST", "v1.0-alpha2", "conversation/{name}/converse", "Converse", "conversation", r => AbsentErrors.Conversation(r[0])),
    ];

    private static IEnumerable<ApiRoute> Stores()
    {
        yield return Refuse("POST", "v1.0-alpha1", "lock/{store}", "TryLock", "lock", _ => AbsentErrors.Lock());
        yield return Refuse("POST", "v1.0-alpha1", "unlock/{store}", "Unlock", "unlock", _ => AbsentErrors.Lock());
        yield return Refuse("PUT", "v1.0-alpha1", "crypto/{name}/encrypt", "Encrypt", "crypto", _ => AbsentErrors.Crypto());
        yield return Refuse("PUT", "v1.0-alpha1", "crypto/{name}/decrypt", "Decrypt", "crypto", _ => AbsentErrors.Crypto());
        yield return Refuse("POST", "v1.0-alpha1", "subtlecrypto/{name}/{operation}", "SubtleCrypto", "subtlecrypto", _ => CommonErrors.Unimplemented());
    }

    private static IEnumerable<ApiRoute> Actors() =>
    [
        Refuse("POST PUT", "v1.0", "actors/{type}/{id}/state", "ExecuteActorStateTransaction", "actors", _ => AbsentErrors.Actors()),
        Refuse("GET", "v1.0", "actors/{type}/{id}/state/{key}", "GetActorState", "actors", _ => AbsentErrors.Actors()),
        Refuse("GET POST PUT DELETE", "v1.0", "actors/{type}/{id}/method/{method}", "InvokeActor", "actors", _ => AbsentErrors.Actors()),
        Refuse("GET POST PUT DELETE", "v1.0", "actors/{type}/{id}/reminders/{name}", "ActorReminder", "actors", _ => AbsentErrors.Actors()),
        Refuse("POST PUT DELETE", "v1.0", "actors/{type}/{id}/timers/{name}", "ActorTimer", "actors", _ => AbsentErrors.Actors()),
    ];

    private static IEnumerable<ApiRoute> Jobs()
    {
        foreach (var version in new[] { "v1.0", "v1.0-alpha1" })
        {
            yield return Refuse("POST", version, "jobs/{name}", "ScheduleJob", "jobs", _ => AbsentErrors.Jobs("schedule"));
            yield return Refuse("GET", version, "jobs/{name}", "GetJob", "jobs", _ => AbsentErrors.Jobs("get"));
            yield return Refuse("DELETE", version, "jobs/{name}", "DeleteJob", "jobs", _ => AbsentErrors.Jobs("delete"));
        }
    }

    private static IEnumerable<ApiRoute> Workflows(string version) =>
    [
        Refuse("GET", version, "workflows/{component}/{instance}", "GetWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_GET_WORKFLOW", $"error while getting workflow info on instance '{r[1]}'")),
        Refuse("POST", version, "workflows/{component}/{name}/start", "StartWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_START_WORKFLOW", $"error starting workflow '{r[1]}'")),
        Refuse("POST", version, "workflows/{component}/{instance}/pause", "PauseWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_PAUSE_WORKFLOW", $"error pausing workflow {r[1]}")),
        Refuse("POST", version, "workflows/{component}/{instance}/resume", "ResumeWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_RESUME_WORKFLOW", $"error resuming workflow {r[1]}")),
        Refuse("POST", version, "workflows/{component}/{instance}/terminate", "TerminateWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_TERMINATE_WORKFLOW", $"error terminating workflow '{r[1]}'")),
        Refuse("POST", version, "workflows/{component}/{instance}/purge", "PurgeWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_PURGE_WORKFLOW", $"error purging workflow {r[1]}")),
        Refuse("POST", version, "workflows/{component}/{instance}/raiseEvent/{event}", "RaiseEventWorkflow", "workflows",
            r => AbsentErrors.Workflows("ERR_RAISE_EVENT_WORKFLOW", $"error raising event on workflow '{r[1]}'")),
    ];

    private static ApiRoute Refuse(string methods, string version, string template, string name, string group, Func<RouteValues, DaprError> error)
        => new(methods, version, template, name, group, (_, route) => throw error(route).ToException());
}
