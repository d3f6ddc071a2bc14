using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Support;

/// <summary>A cluster with a client that found it through a kubeconfig file, as a process does.</summary>
public sealed class Cluster : IAsyncDisposable
{
    public const string User = "system:serviceaccount:dapr-system:tester";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-kube-");
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> running = [];

    private Cluster(KubernetesApiServer server)
    {
        Server = server;
        server.Tokens.Add("tester-token", User);
        KubeConfig = Path.Combine(directory.FullName, "config");
        server.WriteKubeConfig(KubeConfig, "tester-token");
        Client = new KubernetesClient(KubernetesConnection.Find(KubeConfig, TimeProvider.System), TimeProvider.System);
    }

    public KubernetesApiServer Server { get; }

    public string KubeConfig { get; }

    public KubernetesClient Client { get; }

    public RecordingLogger Log { get; } = new();

    /// <summary>The log lines so far.</summary>
    public IReadOnlyCollection<string> Told => [.. Log.Lines.Select(l => l.Text)];

    public static async Task<Cluster> StartAsync() => new(await KubernetesApiServer.StartAsync());

    /// <summary>An informer that runs until the end of the test.</summary>
    public Informer<T> Follow<T>(ApiResource<T> resource, InformerScope? scope = null, Action<ResourceChange<T>>? changed = null)
        where T : class, IApiObject
    {
        var informer = new Informer<T>(Client, resource, scope ?? new InformerScope(), Log, TimeProvider.System) { Changed = changed };
        running.Add(informer.RunAsync(stop.Token));
        return informer;
    }

    public JsonElement PutConfigMap(string name, string value, string @namespace = "default") => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace, ["labels"] = new JsonObject { ["app"] = name } },
        ["data"] = new JsonObject { ["key"] = value },
    });

    public JsonElement PutConfiguration(string name, string trustDomain, string @namespace = "default") => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "dapr.io/v1alpha1",
        ["kind"] = "Configuration",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace },
        ["spec"] = new JsonObject { ["accessControl"] = new JsonObject { ["trustDomain"] = trustDomain } },
    });

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running);
        Client.Dispose();
        await Server.DisposeAsync();
        stop.Dispose();
        directory.Delete(true);
    }
}
