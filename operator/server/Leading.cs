using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Pods;
using DaprK8s.Operator.Resources;
using DaprK8s.Operator.Services;
using DaprK8s.Operator.Reports;
using DaprK8s.Operator.Watchdog;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Server;

/// <summary>What only one replica does: Services for apps, statuses, and the watchdog (contract: k8s 2.13).</summary>
internal sealed class Leading(
    OperatorOptions options,
    KubernetesClient client,
    OperatorConfiguration configuration,
    ResourceFeeds feeds,
    AnnotatedPods pods,
    ReportTable reports,
    OperatorMetrics metrics,
    ILoggerFactory loggers,
    TimeProvider time)
{
    /// <summary>Does it until cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var loops = new Loops(cancellationToken);
        if (options.ReconcilesServices)
        {
            loops.Start(new ServiceReconciler(options, client, configuration.IsMtlsEnabled, metrics, loggers.CreateLogger("dapr.operator.services"), time).RunAsync);
        }

        var watchdog = new PodWatchdog(
            options.Watchdog, client, pods, options.Watched, options.Namespace, loggers.CreateLogger("dapr.operator.watchdog"), time);
        loops.Start(watchdog.RunAsync);
        var logger = loggers.CreateLogger("dapr.operator.status");
        var events = new EventRecorder(client, "dapr-operator", options.Instance, logger, time);
        loops.Start(new StatusWriter(feeds, reports, client, events, metrics, options.StatusPace, logger, time).RunAsync);
        await loops.WatchAsync();
    }

    /// <summary>Does it without having been elected.</summary>
    public Task RunWithoutElectionAsync(CancellationToken cancellationToken)
    {
        if (options.Watchdog.IsEnabled)
        {
            loggers.CreateLogger("dapr.operator.watchdog").LogWarning("leader election is disabled: the watchdog runs on every replica");
        }

        return RunAsync(cancellationToken);
    }
}
