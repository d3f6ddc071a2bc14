using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using DaprK8s.TestServers;

namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>
/// The cluster that <c>KUBECONFIG</c> names. Images are those of <c>IMAGE_REGISTRY</c> and <c>IMAGE_TAG</c>, and <c>APP_IMAGE</c>
/// for the apps; pods are reached through <c>kubectl port-forward</c>.
/// </summary>
public sealed partial class RealCluster(string kubeConfig) : ICluster
{
    private readonly ConcurrentDictionary<(string, string, int), Task<(ChildProcess Process, Uri Address)>> forwards = new();

    /// <inheritdoc/>
    public string KubeConfig => kubeConfig;

    /// <inheritdoc/>
    public string? ToolHome => null;

    /// <inheritdoc/>
    public IReadOnlyList<string> ChartValues { get; } =
    [
        .. Value("IMAGE_REGISTRY") is { } registry ? [$"global.registry={registry}"] : Array.Empty<string>(),
        .. Value("IMAGE_TAG") is { } tag ? [$"global.tag={tag}"] : Array.Empty<string>(),
    ];

    /// <inheritdoc/>
    public string AppImage => Value("APP_IMAGE") ?? "node:22-alpine";

    /// <inheritdoc/>
    public string Diagnosis => "";

    /// <inheritdoc/>
    public async Task<Uri> ReachAsync(string @namespace, string pod, int port)
    {
        var key = (@namespace, pod, port);
        while (true)
        {
            var forward = await forwards.GetOrAdd(key, _ => ForwardAsync(@namespace, pod, port));
            if (!forward.Process.HasExited)
            {
                return forward.Address;
            }

            forwards.TryRemove(key, out _);
        }
    }

    /// <inheritdoc/>
    public Task<CommandResult> ExecuteAsync(string @namespace, string pod, string container, params string[] command)
        => Tools.RunAsync(this, Tools.Kubectl, ["exec", "-n", @namespace, pod, "-c", container, "--", .. command]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var forward in forwards.Values)
        {
            await (await forward).Process.DisposeAsync();
        }
    }

    private async Task<(ChildProcess Process, Uri Address)> ForwardAsync(string @namespace, string pod, int port)
    {
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = await ChildProcess.StartAsync(
            Tools.Kubectl,
            ["port-forward", "-n", @namespace, "pod/" + pod, $":{port}", "--address", "127.0.0.1"],
            new Dictionary<string, string> { ["KUBECONFIG"] = kubeConfig },
            onLine: line =>
            {
                if (Forwarding().Match(line) is { Success: true } match)
                {
                    address.TrySetResult(new Uri($"http://127.0.0.1:{match.Groups[1].Value}"));
                }
            });
        _ = process.WaitForExitAsync().ContinueWith(_ => address.TrySetException(new InvalidOperationException($"kubectl port-forward ended: {process.Output}")), TaskScheduler.Default);
        return (process, await address.Task);
    }

    private static string? Value(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    [GeneratedRegex(@"Forwarding from 127\.0\.0\.1:(\d+)")]
    private static partial Regex Forwarding();
}
