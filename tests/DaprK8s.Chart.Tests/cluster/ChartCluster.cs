using System.Text.Json.Nodes;
using DaprK8s.Chart.Tests.Rendering;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.KubernetesApi;
using DaprK8s.Operator.Crds;
using DaprK8s.Operator.Webhooks;
using DaprK8s.TestServers;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Chart.Tests.Cluster;

/// <summary>
/// A test API server that the stored roles rule, with helm. Nothing runs in it but the job of the chart's hook, which does its real work
/// here, with the rights of its service account.
/// </summary>
internal sealed class ChartCluster : IAsyncDisposable
{
    public const string Namespace = "dapr-system";
    public const string Definitions = "customresourcedefinitions.apiextensions.k8s.io";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("chart-");
    private readonly CancellationTokenSource stop = new();
    private readonly Task jobs;

    private ChartCluster(KubernetesApiServer server)
    {
        Server = server;
        Helm = ClusterTool.Helm(KubeConfig(null));
        Kubectl = ClusterTool.Kubectl(KubeConfig(null));
        jobs = RunJobsAsync();
    }

    public KubernetesApiServer Server { get; }

    public ClusterTool Helm { get; }

    public ClusterTool Kubectl { get; }

    public static async Task<ChartCluster> StartAsync(string version = "v1.34.0")
        => new(await KubernetesApiServer.StartAsync(new KubernetesApiOptions { UsesStoredRoles = true, Version = version }));

    /// <summary>Installs or upgrades the release.</summary>
    public Task<string> ReleaseAsync(string command, string chart, params string[] arguments)
        => Helm.RunAsync([command, "dapr", chart, "--namespace", Namespace, .. command == "install" ? ["--create-namespace"] : Array.Empty<string>(), .. arguments]);

    /// <summary>An object, whole.</summary>
    public JsonObject Read(string resource, string name, string @namespace = Namespace)
        => Find(resource, name, @namespace) ?? throw new KeyNotFoundException($"there is no {resource} {@namespace}/{name}");

    public JsonObject? Find(string resource, string name, string @namespace = Namespace)
        => Server.Objects.Find(resource, @namespace, name) is { } found ? JsonObject.Create(found) : null;

    /// <summary>A client with the rights of a service account.</summary>
    public KubernetesClient ClientOf(string account)
        => new(KubernetesConnection.Find(KubeConfig(Server.Tokens.IssueForAccount(Namespace, account, TimeSpan.FromHours(1))), TimeProvider.System), TimeProvider.System);

    /// <summary>Runs what the operator does to its webhooks when it starts, with its rights.</summary>
    /// <returns>The CA bundle that is now in them.</returns>
    public async Task<string> StartOperatorAsync()
    {
        using var authority = new Authority();
        using var client = ClientOf("dapr-operator");
        using var started = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, TestContext.Current.CancellationToken);
        await using var anchors = TrustAnchorSource.FromText(authority.Pem, TimeProvider.System, NullLogger.Instance);
        var webhooks = new WebhookCa(client, anchors, Namespace, NullLogger.Instance, TimeProvider.System);
        var run = webhooks.RunAsync(started.Token);
        while (!webhooks.IsReady && !run.IsCompleted)
        {
            await Task.Delay(10, started.Token);
        }

        await started.CancelAsync();
        await run;
        return Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(anchors.Current!.Pem));
    }

    /// <summary>Writes a chart.</summary>
    public string WriteChart(string name, params (string File, string Text)[] files)
    {
        foreach (var (file, text) in files)
        {
            var path = Path.Combine(folder.FullName, name, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }

        return Path.Combine(folder.FullName, name);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await jobs;
        await Server.DisposeAsync();
        stop.Dispose();
        folder.Delete(true);
    }

    private string KubeConfig(string? token)
    {
        var path = Path.Combine(folder.FullName, $"config-{Guid.NewGuid():N}");
        Server.WriteKubeConfig(path, token);
        return path;
    }

    private async Task RunJobsAsync()
    {
        try
        {
            await foreach (var change in Server.Objects.WatchAsync("jobs.batch", stop.Token))
            {
                if (Find("jobs.batch", change.Name, change.Namespace) is { } job && job["status"]?["conditions"] is null)
                {
                    var condition = await RunJobAsync(job);
                    Server.Objects.Change("jobs.batch", change.Namespace, change.Name, j => j["status"] = new JsonObject { ["conditions"] = new JsonArray(condition) });
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task<JsonObject> RunJobAsync(JsonObject job)
    {
        try
        {
            var pod = job["spec"]!["template"]!["spec"]!;
            Assert.Equal("apply-crds", pod["containers"]![0]!["args"]![0]!.GetValue<string>());
            using var client = ClientOf(pod["serviceAccountName"]!.GetValue<string>());
            await new CrdApply(client, Namespace, NullLogger.Instance, TimeProvider.System).RunAsync(stop.Token);
            return new JsonObject { ["type"] = "Complete", ["status"] = "True" };
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new JsonObject { ["type"] = "Failed", ["status"] = "True", ["reason"] = "BackoffLimitExceeded", ["message"] = e.Message };
        }
    }
}
