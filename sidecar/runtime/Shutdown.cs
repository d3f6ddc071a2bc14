using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>The shutdown API of both surfaces (contract: operations 4.4).</summary>
internal sealed class Shutdown(ShutdownRequest request, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan ForceDelay = TimeSpan.FromMilliseconds(100);

    /// <summary>Takes a request; <paramref name="force"/> is the value of <c>dapr-force-shutdown</c>, or nothing.</summary>
    public void FromApi(string? force)
    {
        if (!string.Equals(force, "true", StringComparison.OrdinalIgnoreCase))
        {
            logger.LogInformation("Shutdown requested via API");
            request.Request(ShutdownCause.Api);
            return;
        }

        logger.LogInformation("Force shutdown requested, exiting immediately without graceful shutdown");

        // The answer must reach the client before the process is gone.
        time.CreateTimer(static _ => Environment.Exit(1), null, ForceDelay, Timeout.InfiniteTimeSpan);
    }
}
