using DaprK8s.Cluster.Network;

namespace DaprK8s.Cluster;

/// <summary>What a machine must have for a stand-in cluster.</summary>
internal static class Requirements
{
    private static readonly (string Tool, string Package)[] Tools =
    [
        ("ip", "iproute2"), ("nsenter", "util-linux"), ("unshare", "util-linux"), ("setsid", "util-linux"), ("mount", "mount"), ("chroot", "coreutils"),
    ];

    /// <exception cref="InvalidOperationException">Something is missing.</exception>
    public static void Check()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new InvalidOperationException(
                "a stand-in cluster makes network namespaces and mounts, which needs root: run the tests with sudo, or name a real cluster with KUBECONFIG");
        }

        var missing = Tools.Where(t => !Commands.SearchPath.Split(':').Any(d => File.Exists(Path.Combine(d, t.Tool)))).Select(t => t.Package).Distinct().ToList();
        if (missing.Count > 0)
        {
            throw new InvalidOperationException($"a stand-in cluster needs tools that are not here; install the packages {string.Join(", ", missing)}");
        }
    }
}
