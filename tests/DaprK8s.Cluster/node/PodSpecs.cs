using System.Text.Json;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>Questions to a pod's spec.</summary>
internal static class PodSpecs
{
    public static IEnumerable<JsonElement> AllContainers(JsonElement pod) => pod.Items("spec", "initContainers").Concat(pod.Items("spec", "containers"));

    /// <summary>An init container that stays, beside the others.</summary>
    public static bool IsSidecar(JsonElement initContainer) => initContainer.Text("restartPolicy") == "Always";

    public static string ServiceAccount(JsonElement pod)
        => pod.Text("spec", "serviceAccountName") is { Length: > 0 } name ? name : pod.Text("spec", "serviceAccount") is { Length: > 0 } old ? old : "default";

    public static string RestartPolicy(JsonElement pod) => pod.Text("spec", "restartPolicy") ?? "Always";

    /// <summary>A field of the security context: the container's own, else the pod's.</summary>
    public static int? SecurityNumber(JsonElement pod, JsonElement container, string field)
        => container.Number("securityContext", field) ?? pod.Number("spec", "securityContext", field);

    /// <summary>The number of a port that a probe or a Service names.</summary>
    public static int? Port(IEnumerable<JsonElement> containers, string? port)
    {
        if (int.TryParse(port, out var number))
        {
            return number;
        }

        foreach (var container in containers)
        {
            foreach (var declared in container.Items("ports"))
            {
                if (declared.Text("name") == port)
                {
                    return declared.Number("containerPort");
                }
            }
        }

        return null;
    }
}
