using System.Diagnostics;

namespace DaprK8s.TestServers;

/// <summary><c>kubectl</c> and <c>helm</c> as tests/install-kubectl.sh puts them, against one cluster.</summary>
public sealed class ClusterTool
{
    private readonly string program;
    private readonly string kubeConfig;
    private readonly string home;

    private ClusterTool(string program, string kubeConfig)
    {
        this.program = program;
        this.kubeConfig = kubeConfig;
        // What the tools remember of a cluster must not outlive it: another one may have its port.
        home = Path.GetDirectoryName(Path.GetFullPath(kubeConfig))!;
    }

    /// <summary><c>kubectl</c></summary>
    /// <param name="kubeConfig">The cluster; caches are kept beside this file.</param>
    public static ClusterTool Kubectl(string kubeConfig) => new(KubernetesTools.Kubectl, kubeConfig);

    /// <summary><c>helm</c></summary>
    /// <param name="kubeConfig">The cluster; caches are kept beside this file.</param>
    public static ClusterTool Helm(string kubeConfig) => new(KubernetesTools.Helm, kubeConfig);

    /// <summary>Runs it.</summary>
    /// <returns>What it wrote to stdout.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message is what it wrote.</exception>
    public async Task<string> RunAsync(params string[] arguments)
    {
        var result = await TryRunAsync(null, arguments);
        return result.ExitCode == 0 ? result.Output : throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)}: {result.All}");
    }

    /// <summary>Runs it with a text for its stdin, such as manifests for <c>apply -f -</c>.</summary>
    /// <returns>What it wrote to stdout.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message is what it wrote.</exception>
    public async Task<string> FeedAsync(string input, params string[] arguments)
    {
        var result = await TryRunAsync(input, arguments);
        return result.ExitCode == 0 ? result.Output : throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)}: {result.All}");
    }

    /// <summary>Runs it, also when that fails.</summary>
    /// <param name="input">What it gets at stdin.</param>
    /// <param name="arguments">Its arguments.</param>
    public async Task<ToolResult> TryRunAsync(string? input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = home,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["KUBECONFIG"] = kubeConfig;
        start.Environment["HOME"] = home;
        foreach (var inherited in (string[])["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy"])
        {
            start.Environment.Remove(inherited);
        }

        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            if (input is not null)
            {
                await process.StandardInput.WriteAsync(input);
            }

            process.StandardInput.Close();
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(5));
            return new ToolResult(process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(true);
            }
        }
    }
}

/// <summary>How a run of a tool ended.</summary>
/// <param name="ExitCode">0 when it is content.</param>
/// <param name="Output">Its stdout.</param>
/// <param name="Error">Its stderr.</param>
public sealed record ToolResult(int ExitCode, string Output, string Error)
{
    /// <summary>All that it wrote.</summary>
    public string All => Output + Error;
}
