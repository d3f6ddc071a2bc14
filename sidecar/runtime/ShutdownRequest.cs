namespace DaprK8s.Sidecar.Runtime;

/// <summary>Why the process is to end.</summary>
internal enum ShutdownCause
{
    /// <summary>SIGINT or SIGTERM.</summary>
    Signal,

    /// <summary>The shutdown API.</summary>
    Api,

    /// <summary>SIGHUP: stop and start again in this process.</summary>
    Restart,

    /// <summary>A fault that the sidecar can't go on with.</summary>
    Fatal,
}

/// <summary>Takes the first request to end the process; later ones change nothing.</summary>
internal sealed class ShutdownRequest
{
    private readonly TaskCompletionSource<(ShutdownCause Cause, string Detail)> requested = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<(ShutdownCause Cause, string Detail)> Requested => requested.Task;

    public void Request(ShutdownCause cause, string detail = "") => requested.TrySetResult((cause, detail));
}
