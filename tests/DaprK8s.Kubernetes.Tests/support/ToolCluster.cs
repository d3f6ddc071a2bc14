using DaprK8s.KubernetesApi;
using DaprK8s.TestServers;

namespace DaprK8s.Kubernetes.Tests.Support;

/// <summary>A test API server with <c>kubectl</c>, <c>helm</c> and a folder of its own.</summary>
public sealed class ToolCluster : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kubectl-");

    private ToolCluster(KubernetesApiServer server)
    {
        Server = server;
        var config = Path.Combine(folder.FullName, "config");
        server.WriteKubeConfig(config);
        Kubectl = ClusterTool.Kubectl(config);
        Helm = ClusterTool.Helm(config);
    }

    public KubernetesApiServer Server { get; }

    public ClusterTool Kubectl { get; }

    public ClusterTool Helm { get; }

    public static async Task<ToolCluster> StartAsync(KubernetesApiOptions? options = null)
        => new(await KubernetesApiServer.StartAsync(options ?? new KubernetesApiOptions()));

    /// <summary>Writes files below the folder, each a name and its text.</summary>
    /// <returns>The folder of the first.</returns>
    public string Write(params (string Name, string Text)[] files)
    {
        foreach (var (name, text) in files)
        {
            var path = Path.Combine(folder.FullName, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }

        return Path.GetDirectoryName(Path.Combine(folder.FullName, files[0].Name))!;
    }

    /// <summary>kubectl as a service account.</summary>
    public ClusterTool KubectlAs(string @namespace, string account)
    {
        var config = Path.Combine(Directory.CreateDirectory(Path.Combine(folder.FullName, account)).FullName, "config");
        Server.WriteKubeConfig(config, Server.Tokens.IssueForAccount(@namespace, account, TimeSpan.FromHours(1)));
        return ClusterTool.Kubectl(config);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        folder.Delete(true);
    }
}
