using System.Diagnostics;
using System.Globalization;

namespace DaprK8s.Cluster.Network;

/// <summary>
/// Everything that a cluster leaves on a machine carries its mark, <c>dk8s-PROCESS-NUMBER</c>: network namespaces (with which go
/// their interfaces and the processes in them) and a directory. One script removes it all: when the cluster ends, when the process
/// that holds the cluster has died, and at the next start what an earlier one has left.
/// </summary>
internal static class Leftovers
{
    public const string Prefix = "dk8s-";

    private static int count;

    /// <summary>A mark for a new cluster.</summary>
    public static string NewMark() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Interlocked.Increment(ref count)}");

    public static string DirectoryOf(string mark) => Path.Combine(Path.GetTempPath(), mark);

    /// <summary>Removes all of one cluster.</summary>
    public static Task RemoveAsync(string mark) => Commands.ShellAsync(Script(mark));

    /// <summary>Removes the clusters of processes that are no more.</summary>
    public static async Task SweepAsync()
    {
        var names = await Commands.ShellAsync($"ls /run/netns /dev/shm {Path.GetTempPath()} 2>/dev/null || true");
        var marks = names.Split('\n').Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Select(n => string.Join('-', n.Split('-').Take(3))).Distinct();
        foreach (var mark in marks)
        {
            if (!Directory.Exists("/proc/" + mark.Split('-').ElementAtOrDefault(1)))
            {
                await RemoveAsync(mark);
            }
        }
    }

    /// <summary>
    /// A process that waits for the death of this one and then removes the cluster. It is in a session of its own: what ends this
    /// process must not end it too.
    /// </summary>
    public static Process Watch(string mark) => Process.Start(new ProcessStartInfo("setsid",
    [
        "sh", "-c", $"exec >/dev/null 2>&1 </dev/null; trap '' INT HUP; while kill -0 {Environment.ProcessId}; do sleep 1; done; {Script(mark)}",
    ])
    { WorkingDirectory = "/" })!;

    // Namespaces whose processes have just been killed are let go of by the kernel a little later; their names are gone at once.
    private static string Script(string mark) => $"""
        export PATH={Commands.SearchPath}
        for name in $(ls /run/netns 2>/dev/null | grep -E '^{mark}(-|$)' || true); do
          for id in $(ip netns pids "$name" 2>/dev/null || true); do kill -KILL "$id" 2>/dev/null || true; done
          ip netns delete "$name" 2>/dev/null || true
        done
        for try in 1 2 3 4 5; do rm -rf {DirectoryOf(mark)} /dev/shm/{mark} 2>/dev/null && break; sleep 0.1; done
        """;
}
