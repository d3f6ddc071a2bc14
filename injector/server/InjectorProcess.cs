using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Server;

/// <summary>The process around the injector (contract: k8s 3.1).</summary>
internal static class InjectorProcess
{
    /// <summary>Runs a command line.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        var flags = new InjectorFlags(Environment.GetEnvironmentVariable);
        var process = new ServiceProcess("injector", "Dapr Sidecar Injector");
        return process.GuardAsync(() => flags.Usage, () => process.ServeAsync(flags.Parse(args), isKubernetes: true, ServeAsync));
    }

    private static async Task ServeAsync(InjectorOptions options, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var connection = KubernetesConnection.Find(options.Kubeconfig, TimeProvider.System);
        if (!connection.NeedsSystemRoots)
        {
            SystemRoots.LeaveOut();
        }

        var keys = SvidKeys.Begin(SvidKey.Rsa2048);
        using var client = new KubernetesClient(connection, TimeProvider.System);
        await new InjectorRun(options, client, loggers, TimeProvider.System) { Keys = keys }.RunAsync(cancellationToken);
    }
}
