using DaprK8s.Common.Identity;
using DaprK8s.Sidecar.Composition;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Security;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// What a sidecar in Kubernetes has before anything else: its identity and the operator (contract: k8s 5.2, 5.3). Nothing listens until
/// both are there.
/// </summary>
internal sealed class ControlPlane : IAsyncDisposable
{
    private readonly OperatorConnection connection;
    private readonly CancellationTokenSource stopping = new();
    private Task reporting = Task.CompletedTask;

    private ControlPlane(OperatorConnection connection, OperatorResourceSource source) => (this.connection, Source) = (connection, source);

    /// <summary>The resources.</summary>
    public OperatorResourceSource Source { get; }

    /// <summary>Connects.</summary>
    /// <exception cref="FatalException">There is no identity or no operator to be had.</exception>
    public static async Task<ControlPlane> ConnectAsync(
        SidecarOptions options, SidecarSecurity security, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        await security.StartAsync(cancellationToken);
        var logger = loggers.CreateLogger("dapr.runtime.operator");
        OperatorConnection? connection = null;
        try
        {
            connection = new OperatorConnection(
                options.Kubernetes!.OperatorAddress, Identify(options.Security!), security.Identity, options.ReconcileInterval, time, logger);
            await connection.DialAsync(cancellationToken);
            var source = new OperatorResourceSource(
                connection, new SidecarInfo(options.AppId, options.Namespace), options.ConfigFiles.FirstOrDefault(),
                options.Kubernetes.HasBuiltInSecretStore, options.ReconcileInterval, logger, time);
            return new ControlPlane(connection, source);
        }
        catch (Exception e)
        {
            connection?.Dispose();
            throw e is OperatorException ? new FatalException(e.Message, e) : e;
        }
    }

    /// <summary>Tells the operator how the resources fare, from now on.</summary>
    public void Report(Basis basis)
    {
        var reporter = new StatusReporter(
            connection, basis.Self, basis.Options.Kubernetes!.PodName, basis.Statuses, basis.Time, basis.Log("dapr.runtime.operator"));
        reporting = Task.Run(() => reporter.RunAsync(stopping.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await reporting;
        Source.Dispose();
        connection.Dispose();
        stopping.Dispose();
    }

    private static SpiffeId Identify(SecurityOptions options)
        => SpiffeId.Create(options.ControlPlaneTrustDomain, options.ControlPlaneNamespace, "dapr-operator");
}
