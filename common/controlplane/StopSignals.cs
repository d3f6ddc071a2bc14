using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.ControlPlane;

/// <summary>SIGTERM and SIGINT as a token; the second one ends the process at once.</summary>
public sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;
    private readonly ILogger logger;
    private int seen;

    /// <summary>Takes the signals over.</summary>
    public StopSignals(ILogger logger)
    {
        this.logger = logger;
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Stop(c, "terminated")),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Stop(c, "interrupt")),
        ];
    }

    /// <summary>Ends with the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(registrations, r => r.Dispose());
        source.Dispose();
    }

    private void Stop(PosixSignalContext context, string name)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref seen) > 1)
        {
            logger.LogWarning("Received signal '{Signal}' during shutdown; exiting immediately", name);
            Environment.Exit(ServiceProcess.Failure);
        }

        logger.LogInformation("Received signal '{Signal}'; beginning shutdown", name);
        source.Cancel();
    }
}
