using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.KubernetesApi;

namespace DaprK8s.EndToEnd.Tests.ConfigurationApi;

/// <summary>An API server with a ConfigMap, and the component that reads it.</summary>
internal sealed class SettingsCluster : IAsyncDisposable
{
    public const string Store = "settings";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-settings-");

    private SettingsCluster(KubernetesApiServer server)
    {
        Server = server;
        server.WriteKubeConfig(KubeConfig);
    }

    public KubernetesApiServer Server { get; }

    public string KubeConfig => Path.Combine(directory.FullName, "config");

    /// <summary>The component <see cref="Store"/>.</summary>
    public string Component => Patient(Resource.Component(Store, "configuration.kubernetes", ("configMapName", "settings"), ("kubeconfigPath", KubeConfig)));

    /// <summary>A component that may take its time to connect, on a machine that has much else to do.</summary>
    public static string Patient(string component) => component.Replace("  version: v1\n", "  version: v1\n  initTimeout: 60s\n", StringComparison.Ordinal);

    public static async Task<SettingsCluster> StartAsync(params (string Key, string Value)[] data)
    {
        var cluster = new SettingsCluster(await KubernetesApiServer.StartAsync());
        cluster.Put(data);
        return cluster;
    }

    /// <summary>Replaces what is in the ConfigMap.</summary>
    public void Put(params (string Key, string Value)[] data) => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = "settings", ["namespace"] = "default" },
        ["data"] = new JsonObject(data.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))),
    });

    public void PutEvent(string name, string reason) => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Event",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["reason"] = reason,
    });

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        directory.Delete(true);
    }
}
