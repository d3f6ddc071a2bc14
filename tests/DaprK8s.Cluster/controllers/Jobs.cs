using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Controllers;

/// <summary>Jobs: pods until one has succeeded, or too many have failed.</summary>
internal sealed class Jobs(ClusterObjects objects, Account account, ControllerLog log) : Controller(objects, log)
{
    public const string Username = "system:serviceaccount:kube-system:job-controller";

    protected override Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var pods = Objects.List("pods").Where(p => p.ControllerUid() is not null).ToLookup(p => p.ControllerUid());
        return EachAsync(Objects.List("jobs.batch"), j => ReconcileAsync(j, [.. pods[j.Uid()]], cancellationToken));
    }

    private async Task ReconcileAsync(JsonElement job, List<JsonElement> pods, CancellationToken cancellationToken)
    {
        if (job.IsBeingDeleted())
        {
            return;
        }

        if (job.Is("Complete") || job.Is("Failed"))
        {
            await RemoveWhenOldAsync(job, cancellationToken);
            return;
        }

        var wanted = job.Number("spec", "completions") ?? 1;
        var succeeded = pods.Count(p => p.Text("status", "phase") == "Succeeded");
        var failed = pods.Count(p => p.Text("status", "phase") == "Failed");
        var active = pods.Where(ReplicaSets.IsActive).ToList();
        var started = Times.Read(job.Text("status", "startTime")) ?? DateTimeOffset.UtcNow;
        var restarts = active.Sum(p => p.Items("status", "containerStatuses").Sum(c => c.Number("restartCount") ?? 0));
        var isLate = job.Number("spec", "activeDeadlineSeconds") is { } seconds && started.AddSeconds(seconds) < DateTimeOffset.UtcNow;
        var isLost = failed + restarts > (job.Number("spec", "backoffLimit") ?? 6);
        if (isLate || isLost)
        {
            foreach (var pod in active)
            {
                await account.DeleteAsync("pods", pod, null, cancellationToken);
            }

            active.Clear();
        }
        else if (succeeded < wanted && job.Flag("spec", "suspend") != true)
        {
            for (var i = active.Count; i < Math.Min(job.Number("spec", "parallelism") ?? 1, wanted - succeeded); i++)
            {
                active.Add(await CreateAsync(job, cancellationToken));
            }
        }

        SetStatus("jobs.batch", job, status =>
        {
            status["startTime"] = Times.Of(started);
            status["active"] = active.Count;
            status["ready"] = active.Count(p => p.Is("Ready"));
            status["succeeded"] = succeeded;
            status["failed"] = failed + (isLate || isLost ? restarts : 0);
            if (succeeded >= wanted)
            {
                status["completionTime"] = Times.Now;
                SetCondition(status, "SuccessCriteriaMet", true, "CompletionsReached", "Reached expected number of succeeded pods");
                SetCondition(status, "Complete", true, "CompletionsReached", "Reached expected number of succeeded pods");
            }
            else if (isLost)
            {
                SetCondition(status, "Failed", true, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
            }
            else if (isLate)
            {
                SetCondition(status, "Failed", true, "DeadlineExceeded", "Job was active longer than specified deadline");
            }
        });
    }

    private Task<JsonElement> CreateAsync(JsonElement job, CancellationToken cancellationToken)
    {
        var pod = PodTemplates.Pod(job, "batch/v1", "Job", job.At("spec", "template")!.Value);
        pod["metadata"]!["generateName"] = job.Name() + "-";
        var labels = Child(Child(pod, "metadata"), "labels");
        labels["batch.kubernetes.io/job-name"] = job.Name();
        labels["batch.kubernetes.io/controller-uid"] = job.Uid();
        labels["job-name"] = job.Name();
        return account.CreateAsync(job.Namespace(), pod, cancellationToken);
    }

    private async Task RemoveWhenOldAsync(JsonElement job, CancellationToken cancellationToken)
    {
        var ended = Times.Read(job.Text("status", "completionTime"));
        if (job.Number("spec", "ttlSecondsAfterFinished") is { } seconds && ended?.AddSeconds(seconds) < DateTimeOffset.UtcNow)
        {
            await account.DeleteAsync("jobs.batch", job, null, cancellationToken);
        }
    }
}
