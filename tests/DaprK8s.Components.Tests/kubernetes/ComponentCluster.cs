using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Components.Tests.Kubernetes;

/// <summary>A cluster for components that read it with a kubeconfig file.</summary>
internal sealed class ComponentCluster : IAsyncDisposable
{
    public const string User = "system:serviceaccount:default:default";

    private const string Token = "token-of-pod";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-cluster-");

    private ComponentCluster(KubernetesApiServer server)
    {
        Server = server;
        server.Tokens.Add(Token, User);
        server.WriteKubeConfig(KubeConfig, Token);
    }

    public KubernetesApiServer Server { get; }

    public string KubeConfig => Path.Combine(directory.FullName, "config");

    public static async Task<ComponentCluster> StartAsync() => new(await KubernetesApiServer.StartAsync());

    /// <summary>Creates or replaces a ConfigMap in the namespace <c>default</c>.</summary>
    public void PutMap(string name, params (string Key, string Value)[] data) => Server.Objects.Put(Map(name, data));

    /// <summary>Creates or replaces a ConfigMap in the namespace <c>default</c>.</summary>
    public void PutMap(string name, JsonObject binary, params (string Key, string Value)[] data)
    {
        var map = Map(name, data);
        map["binaryData"] = binary;
        Server.Objects.Put(map);
    }

    public void PutEvent(string name, string reason, string @namespace = "default") => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Event",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace },
        ["reason"] = reason,
        ["involvedObject"] = new JsonObject { ["kind"] = "Pod", ["name"] = "orders" },
    });

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        directory.Delete(true);
    }

    private static JsonObject Map(string name, (string Key, string Value)[] data) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["data"] = new JsonObject(data.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))),
    };
}
