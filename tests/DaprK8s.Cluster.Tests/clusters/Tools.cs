using System.Diagnostics;
using DaprK8s.TestServers;

namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>The user's tools, <c>helm</c> and <c>kubectl</c>.</summary>
internal static class Tools
{
    /// <summary>Where <c>kubectl</c> is.</summary>
    public static string Kubectl => KubernetesTools.Kubectl;

    /// <summary>Where <c>helm</c> is.</summary>
    public static string Helm => KubernetesTools.Helm;

    /// <summary>Runs one of them.</summary>
    public static async Task<CommandResult> RunAsync(ICluster cluster, string tool, IEnumerable<string> arguments, string? input = null)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["KUBECONFIG"] = cluster.KubeConfig;
        if (cluster.ToolHome is { } home)
        {
            start.Environment["HOME"] = home;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new CommandResult(process.ExitCode, await output + await errors);
    }
}
