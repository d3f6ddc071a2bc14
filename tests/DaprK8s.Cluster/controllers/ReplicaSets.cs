using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>ReplicaSets: as many pods as are wanted.</summary>
internal sealed class ReplicaSets(ClusterObjects objects, Account account, ControllerLog log) : Controller(objects, log)
{
    public const string Username = "system:serviceaccount:kube-system:replicaset-controller";

    protected override Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var pods = Objects.List("pods").Where(p => p.ControllerUid() is not null).ToLookup(p => p.ControllerUid());
        return EachAsync(Objects.List("replicasets.apps"), set => ReconcileAsync(set, [.. pods[set.Uid()].Where(IsActive)], cancellationToken));
    }

    /// <summary>A pod that counts: neither ended nor about to.</summary>
    public static bool IsActive(JsonElement pod) => !pod.IsBeingDeleted() && pod.Text("status", "phase") is not ("Failed" or "Succeeded");

    /// <summary>Whether a pod has been ready for long enough.</summary>
    public static bool IsAvailable(JsonElement pod, int minReadySeconds)
    {
        foreach (var condition in pod.Items("status", "conditions"))
        {
            if (condition.Text("type") == "Ready")
            {
                return condition.Text("status") == "True"
                    && (minReadySeconds == 0 || Times.Read(condition.Text("lastTransitionTime")) + TimeSpan.FromSeconds(minReadySeconds) <= DateTimeOffset.UtcNow);
            }
        }

        return false;
    }

    private async Task ReconcileAsync(JsonElement set, List<JsonElement> pods, CancellationToken cancellationToken)
    {
        if (set.IsBeingDeleted())
        {
            return;
        }

        var wanted = set.Number("spec", "replicas") ?? 1;
        string? refusal = null;
        try
        {
            for (var i = pods.Count; i < wanted; i++)
            {
                var pod = PodTemplates.Pod(set, "apps/v1", "ReplicaSet", set.At("spec", "template")!.Value);
                pod["metadata"]!["generateName"] = set.Name() + "-";
                pods.Add(await account.CreateAsync(set.Namespace(), pod, cancellationToken));
            }
        }
        catch (RefusedException e)
        {
            refusal = e.Message;
        }

        foreach (var pod in pods.OrderBy(p => p.Is("Ready")).ThenByDescending(p => p.Text("metadata", "creationTimestamp"), StringComparer.Ordinal).Take(pods.Count - wanted).ToList())
        {
            pods.Remove(pod);
            await account.DeleteAsync("pods", pod, null, cancellationToken);
        }

        SetStatus("replicasets.apps", set, status =>
        {
            status["replicas"] = pods.Count;
            status["fullyLabeledReplicas"] = pods.Count;
            status["readyReplicas"] = pods.Count(p => p.Is("Ready"));
            status["availableReplicas"] = pods.Count(p => IsAvailable(p, set.Number("spec", "minReadySeconds") ?? 0));
            status["observedGeneration"] = set.Number("metadata", "generation");
            if (refusal is not null)
            {
                SetCondition(status, "ReplicaFailure", true, "FailedCreate", refusal);
            }
            else if (status["conditions"] is JsonArray)
            {
                status.Remove("conditions");
            }
        });
        if (refusal is not null)
        {
            throw new InvalidOperationException(refusal);
        }
    }
}
