using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>The fields that objects can be selected by; there are few, and another for each kind.</summary>
internal static class FieldLabels
{
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["pods"] =
        [
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
            "status.podIPs", "status.nominatedNodeName",
        ],
        ["namespaces"] = ["status.phase"],
        ["nodes"] = ["spec.unschedulable"],
        ["secrets"] = ["type"],
        ["services"] = ["spec.clusterIP", "spec.type"],
        ["events"] =
        [
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
            "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
        ],
        ["events.events.k8s.io"] =
        [
            "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "reason", "reportingController", "type",
        ],
        ["replicasets.apps"] = ["status.replicas"],
        ["replicationcontrollers"] = ["status.replicas"],
        ["jobs.batch"] = ["status.successful"],
    };

    /// <exception cref="ApiException">The kind can't be selected by this.</exception>
    public static void Check(ResourceType type, string? selector)
    {
        foreach (var term in (selector ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var field = term.Split('=')[0].TrimEnd('!').Trim();
            if (field is not ("metadata.name" or "metadata.namespace") && !(Known.TryGetValue(type.QualifiedName, out var fields) && fields.Contains(field)))
            {
                throw ApiException.BadRequest($"field label not supported: {field}");
            }
        }
    }
}
