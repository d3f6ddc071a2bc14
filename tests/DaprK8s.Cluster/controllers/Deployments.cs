using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>Deployments: a ReplicaSet for each version of the template, scaled up and down in turn.</summary>
internal sealed class Deployments(ClusterObjects objects, Account account, ControllerLog log) : Controller(objects, log)
{
    public const string Username = "system:serviceaccount:kube-system:deployment-controller";

    private const string HashLabel = "pod-template-hash";
    private const string RevisionAnnotation = "deployment.kubernetes.io/revision";

    protected override Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var sets = Objects.List("replicasets.apps").Where(s => s.ControllerUid() is not null).ToLookup(s => s.ControllerUid());
        return EachAsync(Objects.List("deployments.apps"), d => ReconcileAsync(d, [.. sets[d.Uid()]], cancellationToken));
    }

    private async Task ReconcileAsync(JsonElement deployment, List<JsonElement> sets, CancellationToken cancellationToken)
    {
        if (deployment.IsBeingDeleted())
        {
            return;
        }

        var template = deployment.At("spec", "template")!.Value;
        var hash = PodTemplates.Hash(template);
        var current = sets.FirstOrDefault(s => s.Text("metadata", "labels", HashLabel) == hash);
        if (current.ValueKind == JsonValueKind.Undefined)
        {
            current = await CreateSetAsync(deployment, template, hash, sets, cancellationToken);
            sets.Add(current);
        }

        Renumber(deployment, current, sets);
        var old = sets.Where(s => s.Uid() != current.Uid()).ToList();
        Scale(deployment, current, old);
        await RemoveOldestAsync(deployment, old, cancellationToken);
        WriteStatus(deployment, current.Name());
    }

    private async Task<JsonElement> CreateSetAsync(
        JsonElement deployment, JsonElement template, string hash, List<JsonElement> sets, CancellationToken cancellationToken)
    {
        var labelled = JsonObject.Create(template)!.DeepClone().AsObject();
        Child(Child(labelled, "metadata"), "labels")[HashLabel] = hash;
        var selector = JsonObject.Create(deployment.At("spec", "selector")!.Value)!.DeepClone().AsObject();
        Child(selector, "matchLabels")[HashLabel] = hash;
        var set = new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "ReplicaSet",
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{deployment.Name()}-{hash}",
                ["labels"] = labelled["metadata"]!["labels"]!.DeepClone(),
                ["annotations"] = new JsonObject { [RevisionAnnotation] = Text(sets.Select(Revision).DefaultIfEmpty().Max() + 1) },
                ["ownerReferences"] = new JsonArray(PodTemplates.Owner(deployment, "apps/v1", "Deployment")),
            },
            ["spec"] = new JsonObject { ["replicas"] = 0, ["selector"] = selector, ["template"] = labelled },
        };
        if (deployment.Number("spec", "minReadySeconds") is { } seconds)
        {
            set["spec"]!["minReadySeconds"] = seconds;
        }

        return await account.CreateAsync(deployment.Namespace(), set, cancellationToken);
    }

    /// <summary>A template that comes back, as after a rollback, is the newest revision again.</summary>
    private void Renumber(JsonElement deployment, JsonElement current, List<JsonElement> sets)
    {
        var revision = Revision(current);
        var highest = sets.Max(Revision);
        if (revision < highest || revision == 0)
        {
            revision = highest + 1;
            Objects.Change("replicasets.apps", current.Namespace(), current.Name(), s => Child(Child(s, "metadata"), "annotations")[RevisionAnnotation] = Text(revision));
        }

        if (deployment.Text("metadata", "annotations", RevisionAnnotation) != Text(revision))
        {
            Objects.Change("deployments.apps", deployment.Namespace(), deployment.Name(), d => Child(Child(d, "metadata"), "annotations")[RevisionAnnotation] = Text(revision));
        }
    }

    private void Scale(JsonElement deployment, JsonElement current, List<JsonElement> old)
    {
        var wanted = deployment.Number("spec", "replicas") ?? 1;
        var has = current.Number("spec", "replicas") ?? 0;
        var oldTotal = old.Sum(s => s.Number("spec", "replicas") ?? 0);
        if (deployment.Text("spec", "strategy", "type") == "Recreate")
        {
            // The new ones start when the old ones are gone, pods and all.
            old.ForEach(s => SetReplicas(s, 0));
            var names = old.Select(s => s.Uid()).ToHashSet();
            SetReplicas(current, Objects.List("pods", deployment.Namespace()).Any(p => names.Contains(p.ControllerUid() ?? "")) ? has : wanted);
            return;
        }

        var surge = PodTemplates.Share(deployment.Text("spec", "strategy", "rollingUpdate", "maxSurge"), wanted, true, "25%");
        var missing = PodTemplates.Share(deployment.Text("spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted, false, "25%");
        if (surge == 0 && missing == 0)
        {
            missing = 1;
        }

        // Up as far as the surge allows, down as far as enough stay available.
        var room = Math.Max(0, wanted + surge - has - oldTotal);
        SetReplicas(current, has > wanted ? wanted : Math.Min(wanted, has + room));
        var mayGo = Math.Max(0, Available(current) + old.Sum(Available) - (wanted - missing));
        foreach (var set in old)
        {
            // Those that are not available are no loss.
            var fewer = Math.Min(mayGo, Available(set));
            mayGo -= fewer;
            SetReplicas(set, Available(set) - fewer);
        }
    }

    /// <summary>The available pods of a set, without those that it has been told to give up and still counts.</summary>
    private static int Available(JsonElement set) => Math.Min(set.Number("spec", "replicas") ?? 0, set.Number("status", "availableReplicas") ?? 0);

    private void SetReplicas(JsonElement set, int replicas)
    {
        if (set.Number("spec", "replicas") != replicas)
        {
            Objects.Change("replicasets.apps", set.Namespace(), set.Name(), s => s["spec"]!["replicas"] = replicas);
        }
    }

    private async Task RemoveOldestAsync(JsonElement deployment, List<JsonElement> old, CancellationToken cancellationToken)
    {
        var empty = old.Where(s => s.Number("spec", "replicas") == 0 && (s.Number("status", "replicas") ?? 0) == 0).OrderByDescending(Revision);
        foreach (var set in empty.Skip(deployment.Number("spec", "revisionHistoryLimit") ?? 10))
        {
            await account.DeleteAsync("replicasets.apps", set, null, cancellationToken);
        }
    }

    private void WriteStatus(JsonElement deployment, string currentName)
    {
        var sets = Objects.List("replicasets.apps", deployment.Namespace()).Where(s => s.ControllerUid() == deployment.Uid()).ToList();
        int Sum(string field) => sets.Sum(s => s.Number("status", field) ?? 0);
        var current = sets.FirstOrDefault(s => s.Name() == currentName);
        var wanted = deployment.Number("spec", "replicas") ?? 1;
        var updated = current.ValueKind == JsonValueKind.Undefined ? 0 : current.Number("status", "replicas") ?? 0;
        var total = Sum("replicas");
        var available = Sum("availableReplicas");
        var missing = PodTemplates.Share(deployment.Text("spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted, false, "25%");
        var isComplete = updated == wanted && total == wanted && available == wanted;
        var refusal = sets.SelectMany(s => s.Items("status", "conditions")).FirstOrDefault(c => c.Text("type") == "ReplicaFailure");
        SetStatus("deployments.apps", deployment, status =>
        {
            status["observedGeneration"] = deployment.Number("metadata", "generation");
            status["replicas"] = total;
            status["updatedReplicas"] = updated;
            status["readyReplicas"] = Sum("readyReplicas");
            status["availableReplicas"] = available;
            status["unavailableReplicas"] = Math.Max(0, Math.Max(total, wanted) - available);
            var isAvailable = available >= wanted - missing;
            SetCondition(
                status,
                "Available",
                isAvailable,
                isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                isAvailable ? "Deployment has minimum availability." : "Deployment does not have minimum availability.");
            SetCondition(
                status,
                "Progressing",
                true,
                isComplete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
                isComplete ? $"ReplicaSet \"{currentName}\" has successfully progressed." : $"ReplicaSet \"{currentName}\" is progressing.");
            if (refusal.ValueKind != JsonValueKind.Undefined)
            {
                SetCondition(status, "ReplicaFailure", true, "FailedCreate", refusal.Text("message") ?? "");
            }
            else if (status["conditions"] is JsonArray conditions && conditions.FirstOrDefault(c => (string?)c?["type"] == "ReplicaFailure") is { } past)
            {
                conditions.Remove(past);
            }
        });
    }

    private static int Revision(JsonElement set) => set.Number("metadata", "annotations", RevisionAnnotation) ?? 0;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
