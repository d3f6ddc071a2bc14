using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Controllers;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Node;

/// <summary>The one node: takes every pod and runs it.</summary>
internal sealed class Kubelet(ClusterObjects objects, Account account, PodEnvironment environment, ControllerLog log) : Controller(objects, log)
{
    public const string NodeName = "stand-in";
    public const string Username = "system:node:" + NodeName;

    private readonly ConcurrentDictionary<string, PodWorker> workers = new();

    /// <summary>The pod's worker.</summary>
    public PodWorker? Find(string @namespace, string name)
        => Objects.Find("pods", @namespace, name) is { } pod && workers.TryGetValue(pod.Uid(), out var worker) ? worker : null;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var worker in workers.Values)
        {
            worker.Abandon();
        }

        await Task.WhenAll(workers.Values.Select(w => w.Finished));
    }

    protected override async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var pods = Objects.List("pods").ToDictionary(p => p.Uid());
        await EachAsync(pods.Values, pod => ReconcileAsync(pod, cancellationToken));
        foreach (var (uid, worker) in workers)
        {
            if (!pods.ContainsKey(uid))
            {
                worker.Update(null);
                if (worker.Finished.IsCompleted)
                {
                    workers.TryRemove(uid, out _);
                }
            }
        }
    }

    private async Task ReconcileAsync(JsonElement pod, CancellationToken cancellationToken)
    {
        if (pod.Text("spec", "nodeName") is not { Length: > 0 } node)
        {
            if (pod.IsBeingDeleted())
            {
                await RemoveAsync(pod, cancellationToken);
                return;
            }

            Objects.Change("pods", pod.Namespace(), pod.Name(), o => o["spec"]!["nodeName"] = NodeName);
            environment.Events.Record(pod, "default-scheduler", "Normal", "Scheduled", $"Successfully assigned {pod.Namespace()}/{pod.Name()} to {NodeName}");
            return;
        }

        if (node != NodeName)
        {
            return;
        }

        if (!workers.TryGetValue(pod.Uid(), out var worker))
        {
            if (!pod.IsBeingDeleted() && ReplicaSets.IsActive(pod))
            {
                workers[pod.Uid()] = worker = new PodWorker(environment, Log, pod);
                _ = worker.Finished.ContinueWith(_ => Wake(), TaskScheduler.Default);
                return;
            }
        }
        else
        {
            worker.Update(pod);
        }

        if (pod.IsBeingDeleted() && worker is null or { Finished.IsCompleted: true })
        {
            await RemoveAsync(pod, cancellationToken);
        }
    }

    private Task RemoveAsync(JsonElement pod, CancellationToken cancellationToken)
        => account.DeleteAsync("pods", pod, 0, cancellationToken);
}
