using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Identity;

namespace DaprK8s.Injector.Server;

/// <summary>The process around the injector (contract: k8s 3.1).</summary>
internal static class InjectorProcess
{
    /// <summary>Runs a command line.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        var flags = new InjectorFlags(Environment.GetEnvironmentVariable);
        var process = new ServiceProcess("injector", "Dapr Sidecar Injector");
        return process.GuardAsync(() => flags.Usage, () => process.ServeAsync(
            flags.Parse(args),
            isKubernetes: true,
            (options, loggers, cancellationToken)
                => new InjectorRun(options, loggers, TimeProvider.System) { Keys = SvidKeys.Begin(SvidKey.Rsa2048) }.RunAsync(cancellationToken)));
    }
}
