using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Composition;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Reload;

/// <summary>
/// Puts another Configuration in the place of the one that counts: everything that can be swapped is, in one step; what a running
/// sidecar can't change is named in the log.
/// </summary>
internal sealed class ConfigurationSwap : IDisposable
{
    private readonly Basis basis;
    private readonly ILogger logger;
    private readonly Configuration started;
    private TraceExport? traces;

    public ConfigurationSwap(Basis basis)
    {
        this.basis = basis;
        logger = basis.Log("dapr.runtime.hotreload");
        started = basis.Configuration.Value.Source;
        if (basis.Options.ConfigFiles.Count > 0)
        {
            basis.Statuses.Set(ResourceKinds.Configuration, started, ResourceState.Ready);
        }
    }

    public SidecarConfiguration Current => basis.Configuration.Value;

    /// <summary>Begins to export spans, as configured.</summary>
    public void Start() => traces = TraceExport.Start(Current.Tracing, basis.Self, basis.Loggers);

    /// <summary>Swaps; what is wrong is logged, and the Configuration before stays.</summary>
    /// <returns>Whether the new one counts now.</returns>
    public bool Apply(Configuration next)
    {
        var before = Current;
        SidecarConfiguration read;
        var export = traces;
        try
        {
            read = basis.ConfigurationReader.Read(next, before);
            if (read.Tracing != before.Tracing)
            {
                // Both for a moment rather than none; the old one sends what it has beside what goes on.
                export = TraceExport.Start(read.Tracing, basis.Self, basis.Loggers);
            }
        }
        catch (Exception e)
        {
            logger.LogError("Configuration {Name} is wrong, the one before stays in use: {Error}", next.Name, e.Message);
            basis.Statuses.Set(ResourceKinds.Configuration, next, ResourceState.Degraded, StatusReasons.Invalid, e.Message);
            return false;
        }

        basis.Configuration.Swap(read);
        if (!ReferenceEquals(export, traces))
        {
            var old = traces;
            traces = export;
            _ = Task.Run(() => old?.Dispose());
        }

        basis.Statuses.Set(ResourceKinds.Configuration, next, ResourceState.Ready);
        logger.LogInformation(
            "Configuration {Name} was applied without a restart: {Blocks}", next.Name, string.Join(", ", ResourceContent.DifferingBlocks(before.Source, next)));
        TellWhatNeedsARestart(next);
        return true;
    }

    /// <summary>Sends the spans that are left.</summary>
    public void Dispose() => traces?.Dispose();

    private void TellWhatNeedsARestart(Configuration next)
    {
        var blocks = ResourceContent.DifferingBlocks(started, next);
        List<string> left = [.. blocks.Where(b => b is "nameResolution" or "mtls" or "workflow").Select(b => "spec." + b)];
        if (blocks.Any(b => b is "metric" or "metrics") && !MetricsSetup.HasSameRegistry(started.Spec, next.Spec))
        {
            left.Add("spec.metrics (enabled, latencyDistributionBuckets, rules)");
        }

        if (Features.Enabled(started.Spec.Features).Contains(Features.HotReload) != Features.Enabled(next.Spec.Features).Contains(Features.HotReload))
        {
            left.Add($"spec.features ({Features.HotReload})");
        }

        if (left.Count > 0)
        {
            logger.LogWarning(
                "Configuration {Name}: {Fields} can't change while the sidecar runs and stays as it was at the start. Restart the sidecar to apply it (SIGHUP, or a new pod)",
                next.Name, string.Join(", ", left));
        }
    }
}
