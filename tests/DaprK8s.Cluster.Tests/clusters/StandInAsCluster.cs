using DaprK8s.Cluster.Tests.Support;

namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>The stand-in: images are this build's executables, and pods are reached at their own addresses.</summary>
public sealed class StandInAsCluster : ICluster
{
    private readonly StandInCluster cluster;

    private readonly string home;

    private StandInAsCluster(StandInCluster cluster, string home) => (this.cluster, this.home) = (cluster, home);

    /// <inheritdoc/>
    public string KubeConfig => Path.Combine(home, "config");

    /// <inheritdoc/>
    public string? ToolHome => home;

    /// <inheritdoc/>
    public IReadOnlyList<string> ChartValues => ["global.registry=stand-in.example", "global.tag=built"];

    /// <inheritdoc/>
    public string AppImage => "node:22-alpine";

    /// <inheritdoc/>
    public string Diagnosis => cluster.Log;

    /// <summary>Starts one.</summary>
    public static async Task<ICluster> StartAsync()
    {
        var executables = Path.Combine(Repository.Root, "dist");
        foreach (var service in (string[])["daprd", "operator", "injector", "sentry"])
        {
            if (!File.Exists(Path.Combine(executables, service)))
            {
                throw new InvalidOperationException($"dist/{service} is missing: run `make build` first");
            }
        }

        var cluster = await StandInCluster.StartAsync(new StandInOptions { Executables = executables });
        var result = new StandInAsCluster(cluster, Directory.CreateTempSubdirectory("daprk8s-kube-").FullName);
        cluster.Api.WriteKubeConfig(result.KubeConfig);
        return result;
    }

    /// <inheritdoc/>
    public Task<Uri> ReachAsync(string @namespace, string pod, int port)
        => Task.FromResult(new UriBuilder("http", cluster.AddressOf(@namespace, pod)?.ToString() ?? throw new InvalidOperationException($"{@namespace}/{pod} has no address"), port).Uri);

    /// <inheritdoc/>
    public async Task<CommandResult> ExecuteAsync(string @namespace, string pod, string container, params string[] command)
    {
        var (code, output) = await cluster.ExecuteAsync(@namespace, pod, container, command, TestContext.Current.CancellationToken);
        return new CommandResult(code, output);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await cluster.DisposeAsync();
        Directory.Delete(home, recursive: true);
    }
}
