using System.Collections.Concurrent;
using System.Diagnostics;
using DaprK8s.TestServers;

namespace DaprK8s.Chart.Tests.Rendering;

/// <summary>Runs <c>helm</c> without a cluster.</summary>
internal static class Helm
{
    private static readonly string[] Release = ["dapr", Repository.Chart, "--namespace", "dapr-system"];

    private static readonly ConcurrentDictionary<string, Lazy<Rendered>> Renderings = new();

    /// <summary>Renders the chart; once for the same arguments, so that nobody may change what comes of it.</summary>
    public static Rendered Template(params string[] arguments)
        => Renderings.GetOrAdd(string.Join('\n', arguments), _ => new Lazy<Rendered>(() => Render(arguments))).Value;

    /// <summary>What helm says about values that are refused.</summary>
    public static string Refusal(params string[] arguments)
    {
        var (code, output, error) = Run(["template", .. Release, .. arguments]);
        Assert.True(code != 0, $"helm template {string.Join(' ', arguments)} was to be refused, but rendered {output.Length} characters");
        return error;
    }

    /// <summary>What a user reads after an installation.</summary>
    public static string Notes(params string[] arguments)
    {
        var (code, output, error) = Run(["install", .. Release, "--dry-run=client", "--hide-secret", .. arguments]);
        Assert.True(code == 0, error);
        return output[output.IndexOf("\nNOTES:", StringComparison.Ordinal)..];
    }

    /// <summary>Runs any command.</summary>
    public static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(KubernetesTools.Helm, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };

        // No cluster is to be found by accident.
        start.Environment["KUBECONFIG"] = "/dev/null";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static Rendered Render(string[] arguments)
    {
        var (code, output, error) = Run(["template", .. Release, .. arguments]);
        return code == 0 ? new Rendered(output) : throw new InvalidOperationException($"helm template {string.Join(' ', arguments)}: {error}");
    }
}
