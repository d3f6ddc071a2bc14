using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.Printing;

using Columns = IReadOnlyList<(PrinterColumn Column, Func<JsonObject, JsonNode?> Read)>;

/// <summary>The columns of built-in kinds, and those of custom resources that define none.</summary>
internal static class BuiltInColumns
{
    private static readonly (PrinterColumn, Func<JsonObject, JsonNode?>) Age = Text("Age", o => Tables.Age((string?)o["metadata"]?["creationTimestamp"]));

    public static Columns Of(ResourceType type)
    {
        if (type.Columns is { } defined)
        {
            return [.. defined.Select(c => (c, (Func<JsonObject, JsonNode?>)(o => Tables.Cell(o, c))))];
        }

        return type.QualifiedName switch
        {
            "pods" => Pods(),
            "services" =>
            [
                Text("Type", o => At(o, "spec.type")), Text("Cluster-IP", o => At(o, "spec.clusterIP") ?? "<none>"),
                Text("External-IP", o => At(o, "spec.externalName") ?? "<none>"), Text("Port(s)", o => Ports(o["spec"]?["ports"])), Age,
                Text("Selector", o => Pairs(o["spec"]?["selector"]), 1),
            ],
            "namespaces" => [Text("Status", o => At(o, "status.phase")), Age],
            "nodes" => [Text("Status", NodeStatus), Text("Roles", _ => "<none>"), Age, Text("Version", o => At(o, "status.nodeInfo.kubeletVersion"))],
            "configmaps" => [Number("Data", o => Count(o["data"]) + Count(o["binaryData"])), Age],
            "secrets" => [Text("Type", o => At(o, "type")), Number("Data", o => Count(o["data"])), Age],
            "serviceaccounts" => [Number("Secrets", o => Count(o["secrets"])), Age],
            "events" or "events.events.k8s.io" =>
            [
                Text("Last Seen", o => Tables.Age(At(o, "lastTimestamp") ?? At(o, "eventTime") ?? At(o, "metadata.creationTimestamp"))), Text("Type", o => At(o, "type")),
                Text("Reason", o => At(o, "reason")),
                Text("Object", o => $"{(At(o, "involvedObject.kind") ?? At(o, "regarding.kind"))?.ToLowerInvariant()}/{At(o, "involvedObject.name") ?? At(o, "regarding.name")}"),
                Text("Message", o => (At(o, "message") ?? At(o, "note"))?.Trim()),
            ],
            "persistentvolumeclaims" => [Text("Status", o => At(o, "status.phase")), Text("Volume", o => At(o, "spec.volumeName") ?? ""), Age],
            "deployments.apps" =>
            [
                Text("Ready", o => $"{Int(o, "status.readyReplicas")}/{Int(o, "spec.replicas")}"), Number("Up-to-date", o => Int(o, "status.updatedReplicas")),
                Number("Available", o => Int(o, "status.availableReplicas")), Age, .. Templates("spec.template.spec.containers"),
            ],
            "replicasets.apps" or "replicationcontrollers" =>
            [
                Number("Desired", o => Int(o, "spec.replicas")), Number("Current", o => Int(o, "status.replicas")), Number("Ready", o => Int(o, "status.readyReplicas")),
                Age, .. Templates("spec.template.spec.containers"),
            ],
            "statefulsets.apps" =>
            [
                Text("Ready", o => $"{Int(o, "status.readyReplicas")}/{Int(o, "spec.replicas")}"), Age, .. Templates("spec.template.spec.containers"),
            ],
            "daemonsets.apps" =>
            [
                Number("Desired", o => Int(o, "status.desiredNumberScheduled")), Number("Current", o => Int(o, "status.currentNumberScheduled")),
                Number("Ready", o => Int(o, "status.numberReady")), Number("Up-to-date", o => Int(o, "status.updatedNumberScheduled")),
                Number("Available", o => Int(o, "status.numberAvailable")), Text("Node Selector", o => Pairs(o["spec"]?["template"]?["spec"]?["nodeSelector"])), Age,
            ],
            "jobs.batch" =>
            [
                Text("Status", JobStatus), Text("Completions", o => $"{Int(o, "status.succeeded")}/{Int(o, "spec.completions")}"),
                Text("Duration", o => At(o, "status.startTime") is { } start ? Tables.Age(start) : ""), Age,
            ],
            "cronjobs.batch" => [Text("Schedule", o => At(o, "spec.schedule")), Text("Timezone", o => At(o, "spec.timeZone") ?? "<none>"), Text("Suspend", o => At(o, "spec.suspend") == "true" ? "True" : "False"), Number("Active", o => Count(o["status"]?["active"])), Text("Last Schedule", o => At(o, "status.lastScheduleTime") is { } last ? Tables.Age(last) : "<none>"), Age],
            "poddisruptionbudgets.policy" =>
            [
                Text("Min Available", o => At(o, "spec.minAvailable") ?? "N/A"), Text("Max Unavailable", o => At(o, "spec.maxUnavailable") ?? "N/A"),
                Number("Allowed Disruptions", o => Int(o, "status.disruptionsAllowed")), Age,
            ],
            "rolebindings.rbac.authorization.k8s.io" or "clusterrolebindings.rbac.authorization.k8s.io" =>
                [Text("Role", o => $"{At(o, "roleRef.kind")}/{At(o, "roleRef.name")}"), Age],
            "roles.rbac.authorization.k8s.io" or "clusterroles.rbac.authorization.k8s.io" => [Text("Created At", o => At(o, "metadata.creationTimestamp"))],
            "mutatingwebhookconfigurations.admissionregistration.k8s.io" or "validatingwebhookconfigurations.admissionregistration.k8s.io" =>
                [Number("Webhooks", o => Count(o["webhooks"])), Age],
            "leases.coordination.k8s.io" => [Text("Holder", o => At(o, "spec.holderIdentity")), Age],
            "customresourcedefinitions.apiextensions.k8s.io" => [Text("Created At", o => At(o, "metadata.creationTimestamp"))],
            "priorityclasses.scheduling.k8s.io" => [Number("Value", o => Int(o, "value")), Text("Global-Default", o => At(o, "globalDefault") ?? "false"), Age],
            _ => [Age],
        };
    }

    private static Columns Pods() =>
    [
        Text("Ready", o => $"{Statuses(o).Count(s => (bool?)s?["ready"] == true)}/{(o["spec"]?["containers"] as JsonArray)?.Count ?? 0}"),
        Text("Status", PodStatus),
        Text("Restarts", o => $"{Statuses(o).Sum(s => (int?)s?["restartCount"] ?? 0)}"),
        Age,
        Text("IP", o => At(o, "status.podIP") ?? "<none>", 1),
        Text("Node", o => At(o, "spec.nodeName") ?? "<none>", 1),
        Text("Nominated Node", o => At(o, "status.nominatedNodeName") ?? "<none>", 1),
        Text("Readiness Gates", _ => "<none>", 1),
    ];

    private static IEnumerable<JsonNode?> Statuses(JsonObject pod)
    {
        // A sidecar is an init container that goes on.
        var sidecars = (pod["spec"]?["initContainers"] as JsonArray ?? []).Where(c => (string?)c?["restartPolicy"] == "Always").Select(c => (string?)c?["name"]).ToHashSet();
        return (pod["status"]?["containerStatuses"] as JsonArray ?? [])
            .Concat((pod["status"]?["initContainerStatuses"] as JsonArray ?? []).Where(s => sidecars.Contains((string?)s?["name"])));
    }

    private static string PodStatus(JsonObject pod)
    {
        if (pod["metadata"]?["deletionTimestamp"] is not null)
        {
            return "Terminating";
        }

        var why = (pod["status"]?["containerStatuses"] as JsonArray ?? [])
            .Select(s => (string?)s?["state"]?["waiting"]?["reason"] ?? (string?)s?["state"]?["terminated"]?["reason"])
            .FirstOrDefault(r => r is { Length: > 0 });
        return why ?? At(pod, "status.reason") ?? At(pod, "status.phase") ?? "";
    }

    private static string JobStatus(JsonObject job)
    {
        var conditions = (job["status"]?["conditions"] as JsonArray ?? []).Where(c => (string?)c?["status"] == "True").Select(c => (string?)c?["type"]).ToHashSet();
        return conditions.Contains("Complete") ? "Complete"
            : conditions.Contains("Failed") ? "Failed"
            : conditions.Contains("Suspended") ? "Suspended"
            : job["metadata"]?["deletionTimestamp"] is not null ? "Terminating" : "Running";
    }

    private static string NodeStatus(JsonObject node)
        => (node["status"]?["conditions"] as JsonArray ?? []).Any(c => (string?)c?["type"] == "Ready" && (string?)c["status"] == "True") ? "Ready" : "NotReady";

    private static Columns Templates(string path) =>
    [
        Text("Containers", o => Listed(o, path, "name"), 1),
        Text("Images", o => Listed(o, path, "image"), 1),
        Text("Selector", o => Pairs(o["spec"]?["selector"]?["matchLabels"] ?? o["spec"]?["selector"]), 1),
    ];

    private static string Listed(JsonObject body, string path, string member)
        => string.Join(',', JsonPath.Find(body, $".{path}[*].{member}").Select(n => (string?)n));

    private static string Ports(JsonNode? ports)
        => ports is JsonArray { Count: > 0 } all ? string.Join(',', all.Select(p => $"{p?["port"]}/{(string?)p?["protocol"] ?? "TCP"}")) : "<none>";

    private static string Pairs(JsonNode? map)
        => map is JsonObject { Count: > 0 } pairs ? string.Join(',', pairs.Select(p => $"{p.Key}={(p.Value is JsonValue v ? v.ToString() : "")}")) : "<none>";

    private static int Count(JsonNode? many) => many switch
    {
        JsonObject o => o.Count,
        JsonArray a => a.Count,
        _ => 0,
    };

    private static string? At(JsonObject body, string path) => path.Split('.').Aggregate((JsonNode?)body, (at, name) => (at as JsonObject)?[name])?.ToString();

    private static int Int(JsonObject body, string path) => int.TryParse(At(body, path), out var number) ? number : 0;

    private static (PrinterColumn, Func<JsonObject, JsonNode?>) Text(string name, Func<JsonObject, string?> read, int priority = 0)
        => (new PrinterColumn(name, "string", null, "", priority, ""), o => JsonValue.Create(read(o)));

    private static (PrinterColumn, Func<JsonObject, JsonNode?>) Number(string name, Func<JsonObject, int> read)
        => (new PrinterColumn(name, "integer", null, "", 0, ""), o => JsonValue.Create(read(o)));
}
