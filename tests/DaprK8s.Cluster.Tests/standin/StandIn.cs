using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Support;

namespace DaprK8s.Cluster.Tests.StandIns;

/// <summary>One stand-in cluster for the tests of the stand-in itself; each test has a namespace of its own.</summary>
public sealed class StandIn : IAsyncLifetime
{
    private StandInCluster? cluster;

    public StandInCluster Cluster => cluster!;

    public async ValueTask InitializeAsync()
        => cluster = await StandInCluster.StartAsync(new StandInOptions { Executables = Path.Combine(Repository.Root, "dist"), ShortestTokenLife = TimeSpan.FromSeconds(5) });

    public ValueTask DisposeAsync() => cluster?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>A namespace for a test.</summary>
    public Place NewPlace()
    {
        var name = "t" + Guid.NewGuid().ToString("N")[..8];
        Cluster.Api.Objects.AddNamespace(name);
        return new Place(Cluster, name);
    }
}

/// <summary>A namespace of a stand-in cluster, and what a test does in it.</summary>
public sealed class Place(StandInCluster cluster, string name)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(30) };

    public StandInCluster Cluster => cluster;

    public string Name => name;

    /// <summary>Puts an object; its namespace is this one.</summary>
    public JsonElement Put(JsonObject o)
    {
        o["metadata"]!["namespace"] = name;
        return cluster.Api.Objects.Put(o);
    }

    public JsonElement? Find(string resource, string named) => cluster.Api.Objects.Find(resource, name, named);

    public IReadOnlyList<JsonElement> Pods => cluster.Api.Objects.List("pods", name);

    /// <summary>The ConfigMap with the app.</summary>
    public void PutApp() => Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = "app" },
        ["data"] = new JsonObject { ["app.js"] = Repository.AppScript },
    });

    /// <summary>A pod with the app in it.</summary>
    /// <param name="pod">Its name.</param>
    /// <param name="change">What is special about it.</param>
    public JsonElement PutPod(string pod, Action<JsonObject>? change = null)
    {
        PutApp();
        var o = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject { ["name"] = pod, ["labels"] = new JsonObject { ["app"] = pod } },
            ["spec"] = PodSpec(),
        };
        change?.Invoke(o);
        return Put(o);
    }

    /// <summary>A pod spec with the app in it.</summary>
    public static JsonObject PodSpec() => new()
    {
        ["terminationGracePeriodSeconds"] = 5,
        ["containers"] = new JsonArray(AppContainer("app", 8080)),
        ["volumes"] = new JsonArray(new JsonObject { ["name"] = "code", ["configMap"] = new JsonObject { ["name"] = "app" } }),
    };

    public static JsonObject AppContainer(string container, int port) => new()
    {
        ["name"] = container,
        ["image"] = "node:22-alpine",
        ["command"] = new JsonArray("node", "/app/app.js"),
        ["env"] = new JsonArray(new JsonObject { ["name"] = "PORT", ["value"] = port.ToString(System.Globalization.CultureInfo.InvariantCulture) }),
        ["ports"] = new JsonArray(new JsonObject { ["name"] = "http", ["containerPort"] = port }),
        ["readinessProbe"] = new JsonObject { ["httpGet"] = new JsonObject { ["path"] = "/healthz", ["port"] = port }, ["periodSeconds"] = 1 },
        ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "code", ["mountPath"] = "/app" }),
    };

    public static JsonObject Container(JsonObject pod, int index = 0) => pod["spec"]!["containers"]![index]!.AsObject();

    public Task UntilReadyAsync(string pod)
        => Eventually.TrueAsync(() => ValueTask.FromResult(Find("pods", pod)?.Is("Ready") == true), () => $"pod {pod} is ready\n{Find("pods", pod)}\n{Log(pod)}\n{cluster.Log}");

    /// <summary>What a container wrote so far.</summary>
    public string Log(string pod, string? container = null, bool previous = false)
        => cluster.LogFile(name, pod, container, previous) is { } file && File.Exists(file) ? File.ReadAllText(file) : "";

    /// <summary>Asks the app in a pod.</summary>
    public async Task<string> AskAsync(string pod, string path, string? body = null, int port = 8080)
    {
        var uri = new Uri($"http://{cluster.AddressOf(name, pod)}:{port}{path}");
        using var response = body is null ? await Http.GetAsync(uri) : await Http.PostAsync(uri, new StringContent(body));
        return await response.Content.ReadAsStringAsync();
    }

    public async Task<JsonElement> AskJsonAsync(string pod, string path, string? body = null) => JsonDocument.Parse(await AskAsync(pod, path, body)).RootElement;

    /// <summary>Has the app in a pod call a URL.</summary>
    /// <returns>Status, 0 when there was no answer, and body.</returns>
    public async Task<(int Status, string Body)> CallFromAsync(string pod, string url)
    {
        var answer = await AskJsonAsync(pod, "/test/call", new JsonObject { ["url"] = url }.ToJsonString());
        return (answer.Number("status") ?? 0, answer.Text("body") ?? "");
    }
}
