using DaprK8s.Common.Identity;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Security;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// What a sidecar in Kubernetes has before anything else: its identity and the operator (contract: k8s 5.2, 5.3). Nothing listens until
/// both are there.
/// </summary>
internal sealed class ControlPlane : IDisposable
{
    private ControlPlane(OperatorConnection @operator, OperatorResourceSource source) => (Operator, Source) = (@operator, source);

    /// <summary>The operator.</summary>
    public OperatorConnection Operator { get; }

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

    public void Dispose()
    {
        Source.Dispose();
        Operator.Dispose();
    }

    private static SpiffeId Identify(SecurityOptions options)
        => SpiffeId.Create(options.ControlPlaneTrustDomain, options.ControlPlaneNamespace, "dapr-operator");
}
