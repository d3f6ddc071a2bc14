using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DaprK8s.Cluster.Node;

/// <summary>The main process of a container, with a session of its own in which its children are too.</summary>
internal sealed partial class ContainerProcess
{
    public const int Terminate = 15;
    public const int Kill = 9;

    private readonly Process process;

    private ContainerProcess(Process process)
    {
        this.process = process;
        Id = process.Id;
        Exited = WaitAsync();
    }

    /// <summary>Its id on the machine.</summary>
    public int Id { get; }

    /// <summary>Its exit code, when it has ended; 128 and the signal's number when that ended it.</summary>
    public Task<int> Exited { get; }

    /// <summary>Starts the script that sets the container up and becomes its process.</summary>
    public static ContainerProcess Start(string script)
        => new(Process.Start(new ProcessStartInfo("setsid", ["/bin/sh", script]) { WorkingDirectory = "/" })!);

    /// <summary>Sends the main process a signal.</summary>
    public void Signal(int signal)
    {
        if (!Exited.IsCompleted)
        {
            _ = SendSignal(Id, signal);
        }
    }

    private async Task<int> WaitAsync()
    {
        await process.WaitForExitAsync();
        _ = SendSignal(-Id, Kill); // What it left behind in its session.
        var code = process.ExitCode;
        process.Dispose();
        return code;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}
