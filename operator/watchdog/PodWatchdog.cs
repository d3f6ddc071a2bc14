using System.Text.Json.Nodes;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Pods;
using DaprK8s.Operator.Resources;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Watchdog;

/// <summary>
/// Deletes pods that ask for a sidecar and have none, so that they are made again with one (contract: k8s 2.11). Runs on the leader.
/// </summary>
internal sealed class PodWatchdog(
    WatchdogOptions options, KubernetesClient client, AnnotatedPods pods, string? @namespace, string ownNamespace, ILogger logger, TimeProvider time)
{
    private const string InjectorSelector = "app=dapr-sidecar-injector";

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    private static readonly ApiResource<JsonObject> PodObjects = ApiResources.Of("", "v1", "pods");
    private static readonly ApiResource<JsonObject> Deployments = ApiResources.Of("apps", "v1", "deployments");

    private readonly Complaint complaint = new();

    /// <summary>Looks as often as the options say, until cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!options.IsEnabled)
        {
            return;
        }

        await pods.WaitForSyncAsync(cancellationToken);
        logger.LogInformation("DaprWatchdog worker starting");
        while (!await TryLookAsync(cancellationToken))
        {
            await Task.Delay(FirstRetry, time, cancellationToken);
        }

        if (options.Interval is not { } interval)
        {
            return;
        }

        // A look that takes longer than the interval is followed by one more, not by all that were missed.
        using var timer = new PeriodicTimer(interval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            await TryLookAsync(cancellationToken);
        }
    }

    private async Task<bool> TryLookAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!await InjectorIsReadyAsync(cancellationToken))
            {
                if (complaint.IsNew("the injector"))
                {
                    logger.LogInformation("the injector is not ready: pods are not looked at, as they would come back without a sidecar");
                }

                return false;
            }

            Exception? problem = null;
            foreach (var pod in pods.All.Where(p => !p.IsDone))
            {
                problem = await TryLookAsync(pod, cancellationToken) ?? problem;
            }

            if (problem is not null)
            {
                Complain(problem);
                return false;
            }

            complaint.End();
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Complain(e);
            return false;
        }
    }

    // What is refused for one pod, by a webhook for example, is no reason to leave the others as they are.
    private async Task<KubernetesException?> TryLookAsync(AnnotatedPod pod, CancellationToken cancellationToken)
    {
        try
        {
            await LookAsync(pod, cancellationToken);
            return null;
        }
        catch (KubernetesException e) when (e.MissingRight is null)
        {
            return e;
        }
    }

    private void Complain(Exception e)
    {
        if (complaint.IsNew(KubernetesException.CauseOf(e)))
        {
            logger.LogError("the watchdog could not look at all pods, trying again: {Error}", KubernetesException.Explain(e));
        }
    }

    private async Task<bool> InjectorIsReadyAsync(CancellationToken cancellationToken)
    {
        var scope = new InformerScope { Namespace = @namespace is null ? null : ownNamespace, LabelSelector = InjectorSelector };
        var injector = (await client.ListAsync(Deployments, scope, cancellationToken)).FirstOrDefault();
        return injector.Member("status").Member("readyReplicas") is JsonValue ready && ready.TryGetValue(out int count) && count > 0;
    }

    private async Task LookAsync(AnnotatedPod known, CancellationToken cancellationToken)
    {
        var (place, name) = (known.Metadata.Namespace!, known.Metadata.Name);
        try
        {
            var pod = await client.GetAsync(PodObjects, place, name, cancellationToken);
            if (pod.Member("metadata").Member("uid").Text() != known.Metadata.Uid || pod.Member("metadata").Member("deletionTimestamp") is not null)
            {
                return;
            }

            if (HasSidecar(pod))
            {
                await LabelAsync(place, name, cancellationToken);
                return;
            }

            await client.DeleteAsync(PodObjects, place, name, known.Metadata.Uid, cancellationToken);
            logger.LogWarning("Pod {Namespace}/{Name} does not have the Dapr sidecar and was deleted", place, name);
        }
        catch (KubernetesException e) when (e.IsObjectMissing || e.IsConflict)
        {
            // Gone, or another by now.
            return;
        }

        if (options.MaxRestartsPerMinute > 0)
        {
            await Task.Delay(TimeSpan.FromMinutes(1) / options.MaxRestartsPerMinute, time, cancellationToken);
        }
    }

    private async Task LabelAsync(string place, string name, CancellationToken cancellationToken)
    {
        if (options.CanPatchLabels)
        {
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [DaprLabels.WatchdogPatched] = "true" } } };
            await client.PatchAsync(PodObjects, place, name, PatchKind.Merge, patch, cancellationToken);
        }
    }

    // A native sidecar is an init container.
    private static bool HasSidecar(JsonObject pod)
        => pod.Member("spec").Member("containers").Objects().Concat(pod.Member("spec").Member("initContainers").Objects())
            .Any(c => c["name"].Text() == InjectedSidecar.ContainerName);
}
