using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>StatefulSets: numbered pods with volumes of their own, one after the other or all at once.</summary>
internal sealed class StatefulSets(ClusterObjects objects, Account account, ControllerLog log) : Controller(objects, log)
{
    public const string Username = "system:serviceaccount:kube-system:statefulset-controller";

    private const string RevisionLabel = "controller-revision-hash";

    protected override Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var pods = Objects.List("pods").Where(p => p.ControllerUid() is not null).ToLookup(p => p.ControllerUid());
        return EachAsync(Objects.List("statefulsets.apps"), s => ReconcileAsync(s, [.. pods[s.Uid()]], cancellationToken));
    }

    private async Task ReconcileAsync(JsonElement set, List<JsonElement> pods, CancellationToken cancellationToken)
    {
        if (set.IsBeingDeleted())
        {
            return;
        }

        var wanted = set.Number("spec", "replicas") ?? 1;
        var revision = $"{set.Name()}-{PodTemplates.Hash(set.At("spec", "template")!.Value)}";
        var inOrder = set.Text("spec", "podManagementPolicy") != "Parallel";
        var byNumber = pods.ToDictionary(p => Number(set, p));
        await ScaleAsync(set, byNumber, wanted, revision, inOrder, cancellationToken);
        await UpdateAsync(set, byNumber, revision, cancellationToken);

        var counted = Objects.List("pods", set.Namespace()).Where(p => p.ControllerUid() == set.Uid() && !p.IsBeingDeleted()).ToList();
        SetStatus("statefulsets.apps", set, status =>
        {
            var updated = counted.Count(p => p.Text("metadata", "labels", RevisionLabel) == revision);
            status["observedGeneration"] = set.Number("metadata", "generation");
            status["replicas"] = counted.Count;
            status["readyReplicas"] = counted.Count(p => p.Is("Ready"));
            status["availableReplicas"] = counted.Count(p => ReplicaSets.IsAvailable(p, set.Number("spec", "minReadySeconds") ?? 0));
            status["updatedReplicas"] = updated;
            status["updateRevision"] = revision;
            if (updated == counted.Count && updated == wanted)
            {
                status["currentRevision"] = revision;
                status["currentReplicas"] = updated;
            }
        });
    }

    private async Task ScaleAsync(
        JsonElement set, Dictionary<int, JsonElement> byNumber, int wanted, string revision, bool inOrder, CancellationToken cancellationToken)
    {
        for (var i = 0; i < wanted; i++)
        {
            if (!byNumber.TryGetValue(i, out var pod))
            {
                EnsureClaims(set, i);
                await CreateAsync(set, i, revision, cancellationToken);
            }
            else if (pod.Text("status", "phase") is "Failed" or "Succeeded" && !pod.IsBeingDeleted())
            {
                await DeleteAsync(pod, cancellationToken);
            }

            if (inOrder && (pod.ValueKind == JsonValueKind.Undefined || !pod.Is("Ready")))
            {
                return;
            }
        }

        foreach (var (_, pod) in byNumber.Where(p => p.Key >= wanted).OrderByDescending(p => p.Key))
        {
            if (!pod.IsBeingDeleted())
            {
                await DeleteAsync(pod, cancellationToken);
            }

            if (inOrder)
            {
                return;
            }
        }
    }

    /// <summary>From the highest number down, the next one when the last is ready.</summary>
    private async Task UpdateAsync(JsonElement set, Dictionary<int, JsonElement> byNumber, string revision, CancellationToken cancellationToken)
    {
        if (set.Text("spec", "updateStrategy", "type") == "OnDelete" || byNumber.Count < (set.Number("spec", "replicas") ?? 1))
        {
            return;
        }

        var partition = set.Number("spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
        foreach (var (number, pod) in byNumber.OrderByDescending(p => p.Key))
        {
            if (number < partition || pod.IsBeingDeleted())
            {
                return;
            }

            if (pod.Text("metadata", "labels", RevisionLabel) != revision)
            {
                await DeleteAsync(pod, cancellationToken);
                return;
            }

            if (!pod.Is("Ready"))
            {
                return;
            }
        }
    }

    private Task<JsonElement> CreateAsync(JsonElement set, int number, string revision, CancellationToken cancellationToken)
    {
        var name = PodName(set, number);
        var pod = PodTemplates.Pod(set, "apps/v1", "StatefulSet", set.At("spec", "template")!.Value);
        pod["metadata"]!["name"] = name;
        var labels = Child(Child(pod, "metadata"), "labels");
        labels[RevisionLabel] = revision;
        labels["statefulset.kubernetes.io/pod-name"] = name;
        labels["apps.kubernetes.io/pod-index"] = number.ToString(CultureInfo.InvariantCulture);
        var spec = Child(pod, "spec");
        spec["hostname"] = name;
        spec["subdomain"] = set.Text("spec", "serviceName") ?? "";
        if (spec["volumes"] is not JsonArray volumes)
        {
            spec["volumes"] = volumes = [];
        }

        foreach (var claim in set.Items("spec", "volumeClaimTemplates"))
        {
            volumes.Add(new JsonObject { ["name"] = claim.Name(), ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = $"{claim.Name()}-{name}" } });
        }

        return account.CreateAsync(set.Namespace(), pod, cancellationToken);
    }

    private void EnsureClaims(JsonElement set, int number)
    {
        foreach (var template in set.Items("spec", "volumeClaimTemplates"))
        {
            var name = $"{template.Name()}-{PodName(set, number)}";
            if (Objects.Find("persistentvolumeclaims", set.Namespace(), name) is null)
            {
                Objects.Put(new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "PersistentVolumeClaim",
                    ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = set.Namespace() },
                    ["spec"] = JsonObject.Create(template.At("spec")!.Value)!.DeepClone(),
                    ["status"] = new JsonObject { ["phase"] = "Bound" },
                });
            }
        }
    }

    private Task DeleteAsync(JsonElement pod, CancellationToken cancellationToken)
        => account.DeleteAsync("pods", pod, null, cancellationToken);

    private static string PodName(JsonElement set, int number) => string.Create(CultureInfo.InvariantCulture, $"{set.Name()}-{number}");

    private static int Number(JsonElement set, JsonElement pod) => int.Parse(pod.Name()[(set.Name().Length + 1)..], CultureInfo.InvariantCulture);
}
