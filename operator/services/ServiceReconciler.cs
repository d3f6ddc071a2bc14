using System.Text.Json.Nodes;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Resources;
using DaprK8s.Operator.Server;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Services;

/// <summary>
/// Keeps a Service for each workload whose pods ask for a sidecar (contract: k8s 2.10). Runs on the leader. A Service that is as it should
/// be is not written; one that somebody changed is put right.
/// </summary>
internal sealed class ServiceReconciler
{
    private const int Parallelism = 100;

    private static readonly string Selector = $"{DaprLabels.Enabled}=true";

    private readonly OperatorOptions options;
    private readonly KubernetesClient client;
    private readonly OperatorMetrics metrics;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private readonly bool isMtlsEnabled;
    private readonly Dictionary<string, Informer<Workload>> workloads = [];
    private readonly Informer<OwnedService> services;
    private readonly WorkQueue<WorkloadKey> queue;

    public ServiceReconciler(
        OperatorOptions options, KubernetesClient client, bool isMtlsEnabled, OperatorMetrics metrics, ILogger logger, TimeProvider time)
    {
        (this.options, this.client, this.isMtlsEnabled, this.metrics, this.logger, this.time) = (options, client, isMtlsEnabled, metrics, logger, time);
        queue = new WorkQueue<WorkloadKey>("the Service of", ReconcileAsync, Parallelism, logger, time);
        foreach (var kind in options.ReconcilesRollouts
            ? (ReadOnlySpan<WorkloadKind>)[WorkloadKind.Deployment, WorkloadKind.StatefulSet, WorkloadKind.Rollout]
            : [WorkloadKind.Deployment, WorkloadKind.StatefulSet])
        {
            workloads[kind.Kind] = Follow(kind);
        }

        services = new Informer<OwnedService>(
            client,
            new ApiResource<OwnedService>("", "v1", "services", null!),
            new InformerScope { Namespace = options.Watched, LabelSelector = Selector },
            logger,
            time)
        {
            Read = OwnedService.Read,
            Changed = OnServiceChanged,
        };
    }

    /// <summary>Whether everything was listed and nothing is left to do.</summary>
    public bool IsIdle => services.HasSynced && workloads.Values.All(w => w.HasSynced) && queue.Count == 0;

    /// <summary>Reconciles until cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var loops = new Loops(cancellationToken);
        loops.Start(services.RunAsync);
        foreach (var informer in workloads.Values)
        {
            loops.Start(informer.RunAsync);
        }

        // What is there is known first, so that a start writes nothing that is already so.
        await services.WaitForSyncAsync(cancellationToken);
        loops.Start(queue.RunAsync);
        loops.Start(ResyncAsync);
        await loops.WatchAsync();
    }

    private Informer<Workload> Follow(WorkloadKind kind)
        => new(
            client,
            new ApiResource<Workload>(kind.Group, kind.Version, kind.Plural, null!),
            new InformerScope { Namespace = options.Watched, OptionalKind = kind == WorkloadKind.Rollout ? kind.Kind : null },
            logger,
            time)
        {
            Read = json => Workload.Read(kind, json),
            Changed = change =>
            {
                if (change.After is { } workload)
                {
                    queue.Add(KeyOf(workload));
                }
            },
        };

    private void OnServiceChanged(ResourceChange<OwnedService> change)
    {
        // Not the owner before: two workloads with one app id would take it from each other for ever.
        var service = (change.After ?? change.Before)!;
        if (workloads.ContainsKey(service.OwnerKind))
        {
            queue.Add(new WorkloadKey(service.OwnerKind, service.Metadata.Namespace ?? "", service.OwnerName));
        }
    }

    private async Task ResyncAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(options.Resync, time, cancellationToken);
            foreach (var workload in workloads.Values.SelectMany(w => w.Objects))
            {
                queue.Add(KeyOf(workload));
            }
        }
    }

    private async Task ReconcileAsync(WorkloadKey key, CancellationToken cancellationToken)
    {
        try
        {
            await BringUpToDateAsync(key, cancellationToken);
        }
        catch (KubernetesException e) when (e.IsNamespaceTerminating)
        {
            // The workload goes as well.
            logger.LogDebug("no service for {Workload}: {Error}", key, e.Message);
        }
    }

    private async Task BringUpToDateAsync(WorkloadKey key, CancellationToken cancellationToken)
    {
        if (workloads[key.Kind].Find(key.Namespace, key.Name) is not { } workload)
        {
            return;
        }

        var appId = workload.Annotations.GetValueOrDefault(DaprAnnotations.AppId);
        if (KubernetesAppId.Refusal(appId) is { } refusal)
        {
            throw new InvalidOperationException(refusal);
        }

        var wanted = SidecarService.Create(workload, appId!, isMtlsEnabled, logger);
        var name = KubernetesAppId.ServiceName(appId!);
        if (services.Find(key.Namespace, name) is { } known && known.Fingerprint == SidecarService.Fingerprint(wanted))
        {
            return;
        }

        if (await FindAsync(key.Namespace, name, cancellationToken) is not { } existing)
        {
            await client.CreateAsync(ApiResources.Services, key.Namespace, wanted, cancellationToken);
            metrics.ServiceCreated(appId!);
            logger.LogInformation("created service {Service} for {Workload}", name, key);
            return;
        }

        if (SidecarService.Fingerprint(existing) == SidecarService.Fingerprint(wanted))
        {
            return;
        }

        wanted["metadata"]!["resourceVersion"] = existing.Member("metadata").Member("resourceVersion").Text();
        await client.UpdateAsync(ApiResources.Services, key.Namespace, name, wanted, cancellationToken);
        metrics.ServiceUpdated(appId!);
        logger.LogInformation("updated service {Service} for {Workload}", name, key);
    }

    private async Task<JsonObject?> FindAsync(string @namespace, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await client.GetAsync(ApiResources.Services, @namespace, name, cancellationToken);
        }
        catch (KubernetesException e) when (e.IsObjectMissing)
        {
            return null;
        }
    }

    private static WorkloadKey KeyOf(Workload workload) => new(workload.Kind.Kind, workload.Metadata.Namespace ?? "", workload.Metadata.Name);

    private readonly record struct WorkloadKey(string Kind, string Namespace, string Name)
    {
        public override string ToString() => $"{Kind} {Namespace}/{Name}";
    }
}
