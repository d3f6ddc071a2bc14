using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Server;

/// <summary>The process around the operator (contract: k8s 2.1).</summary>
internal static class OperatorProcess
{
    /// <summary>Runs a command line.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        var flags = new OperatorFlags(Environment.GetEnvironmentVariable);
        var process = new ServiceProcess("operator", "Dapr Operator");
        return process.GuardAsync(() => flags.Usage, () => process.ServeAsync(flags.Parse(args), isKubernetes: true, ServeAsync));
    }

    private static async Task ServeAsync(OperatorOptions options, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var connection = KubernetesConnection.Find(options.Kubeconfig, TimeProvider.System);
        if (!connection.NeedsSystemRoots)
        {
            SystemRoots.LeaveOut();
        }

        var keys = SvidKeys.Begin(SvidKey.Rsa2048);
        using var client = new KubernetesClient(connection, TimeProvider.System);
        await new OperatorRun(options, client, loggers, TimeProvider.System) { Keys = keys }.RunAsync(cancellationToken);
    }
}
