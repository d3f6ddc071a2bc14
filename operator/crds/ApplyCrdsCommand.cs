using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Crds;

/// <summary><c>operator apply-crds</c>, which the chart runs before an upgrade: Helm creates custom resource definitions, but never changes them.</summary>
internal static class ApplyCrdsCommand
{
    /// <summary>The first argument that asks for it.</summary>
    public const string Name = "apply-crds";

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] args)
    {
        var flags = new FlagSet("operator", "Brings the custom resource definitions of dapr.io to this version");
        var common = ServiceOptions.Declare(flags);
        return new ServiceProcess("operator", "Dapr Operator").GuardAsync(flags.Usage, async () =>
        {
            flags.Parse(args);
            var options = common();
            var level = LogSettings.TryParseLevel(options.LogLevel, out var wanted)
                ? wanted : throw new OptionException($"invalid value for --log-level: {options.LogLevel}");
            var @namespace = ServiceNamespace.Read(Environment.GetEnvironmentVariable(ServiceNamespace.Variable));
            using var loggers = ServiceProcess.CreateLoggers(options, level);
            var logger = loggers.CreateLogger("dapr.operator.crds");
            try
            {
                using var client = new KubernetesClient(KubernetesConnection.Find(options.Kubeconfig, TimeProvider.System), TimeProvider.System);
                using var stop = new StopSignals(loggers.CreateLogger("dapr.signals"));
                await new CrdApply(client, @namespace, logger, TimeProvider.System).RunAsync(stop.Token);
                return ServiceProcess.Success;
            }
            catch (Exception e)
            {
                logger.LogCritical("The custom resource definitions could not be applied: {Error}", KubernetesException.Explain(e));
                return ServiceProcess.Failure;
            }
        });
    }
}
