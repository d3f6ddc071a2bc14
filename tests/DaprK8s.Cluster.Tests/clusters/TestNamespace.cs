using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Support;

namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>A namespace of a cluster with the chart, and the apps that a test runs in it.</summary>
public sealed class TestNamespace(Installation installation, string name) : IAsyncDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(40) };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary><c>kubectl apply</c> here.</summary>
    public Task<CommandResult> ApplyAsync(string manifest) => installation.ApplyAsync(manifest, name);

    /// <summary>Applies a Component.</summary>
    /// <param name="component">Its name.</param>
    /// <param name="type">Its type.</param>
    /// <param name="metadata">The items of <c>spec.metadata</c>, as YAML in one line.</param>
    public Task<CommandResult> ApplyComponentAsync(string component, string type, string metadata = "[]") => ApplyAsync($"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: {component}
        spec:
          type: {type}
          version: v1
          metadata: {metadata}
        """);

    /// <summary>Applies a Deployment with the app, annotated unless the test says otherwise.</summary>
    /// <param name="app">Its name and app id.</param>
    /// <param name="annotations">More annotations, or others.</param>
    /// <param name="variables">Variables of the app.</param>
    /// <param name="change">What else is special about the pod template's spec.</param>
    /// <param name="replicas">How many pods.</param>
    public async Task<CommandResult> ApplyAppAsync(
        string app,
        IReadOnlyDictionary<string, string>? annotations = null,
        IReadOnlyDictionary<string, string>? variables = null,
        Action<JsonObject>? change = null,
        int replicas = 1)
    {
        var all = new Dictionary<string, string> { ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = app, ["dapr.io/app-port"] = "8080" };
        foreach (var (key, value) in annotations ?? new Dictionary<string, string>())
        {
            all[key] = value;
        }

        var spec = new JsonObject
        {
            ["terminationGracePeriodSeconds"] = 5,
            ["containers"] = new JsonArray(Container(variables ?? new Dictionary<string, string>())),
            ["volumes"] = new JsonArray(new JsonObject { ["name"] = "code", ["configMap"] = new JsonObject { ["name"] = "app" } }),
        };
        change?.Invoke(spec);
        await ApplyScriptAsync();
        var deployment = new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "Deployment",
            ["metadata"] = new JsonObject { ["name"] = app },
            ["spec"] = new JsonObject
            {
                ["replicas"] = replicas,
                ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = app } },
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject
                    {
                        ["labels"] = new JsonObject { ["app"] = app },
                        ["annotations"] = new JsonObject(all.Select(a => KeyValuePair.Create<string, JsonNode?>(a.Key, a.Value))),
                    },
                    ["spec"] = spec,
                },
            },
        };
        return await ApplyAsync(deployment.ToJsonString());
    }

    /// <summary>Applies the app and waits until it and its sidecar are ready.</summary>
    public async Task<RunningApp> RunAppAsync(
        string app,
        IReadOnlyDictionary<string, string>? annotations = null,
        IReadOnlyDictionary<string, string>? variables = null,
        Action<JsonObject>? change = null)
    {
        (await ApplyAppAsync(app, annotations, variables, change)).Succeeded();
        await installation.UntilRolledOutAsync("deployment/" + app, name);
        return await RunningAsync(app);
    }

    /// <summary>The ready pod of an app.</summary>
    public async Task<RunningApp> RunningAsync(string app)
    {
        JsonElement pod = default;
        await Eventually.TrueAsync(
            async () =>
            {
                pod = (await installation.PodsAsync(app, name)).FirstOrDefault(p => p.Is("Ready") && !p.IsBeingDeleted());
                return pod.ValueKind != JsonValueKind.Undefined;
            },
            () => $"{app} has a pod that is ready",
            Patience);
        return new RunningApp(this, app, pod);
    }

    /// <summary>The ConfigMap with the app's script.</summary>
    public async Task ApplyScriptAsync() => (await ApplyAsync(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = "app" },
        ["data"] = new JsonObject { ["app.js"] = Repository.AppScript },
    }.ToJsonString())).Succeeded();

    /// <summary>Waits for something, and tells how things stand here when it does not come true.</summary>
    public Task UntilAsync(Func<Task<bool>> condition, string expectation) => UntilAsync(condition, () => expectation);

    /// <summary>Waits for something, and tells how things stand here when it does not come true.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, Func<string> expectation)
    {
        var state = "";
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await Eventually.TrueAsync(
            async () =>
            {
                if (await condition())
                {
                    return true;
                }

                state = clock.Elapsed > Patience ? await installation.DescribeAsync(name) : "";
                return false;
            },
            () => $"{expectation()}\n{state}",
            Patience);
    }

    /// <summary>Asks a pod by HTTP.</summary>
    internal async Task<string> AskAsync(string pod, string path, string? body)
    {
        var uri = new Uri(await installation.Cluster.ReachAsync(name, pod, 8080), path);
        using var response = body is null ? await Http.GetAsync(uri) : await Http.PostAsync(uri, new StringContent(body));
        return await response.Content.ReadAsStringAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await installation.KubectlAsync("delete", "namespace", name, "--wait=false");

    private JsonObject Container(IReadOnlyDictionary<string, string> variables) => new()
    {
        ["name"] = "app",
        ["image"] = installation.Cluster.AppImage,
        ["command"] = new JsonArray("node", "/app/app.js"),
        ["env"] = new JsonArray([.. variables.Select(v => new JsonObject { ["name"] = v.Key, ["value"] = v.Value })]),
        ["ports"] = new JsonArray(new JsonObject { ["containerPort"] = 8080 }),
        ["readinessProbe"] = new JsonObject { ["httpGet"] = new JsonObject { ["path"] = "/healthz", ["port"] = 8080 }, ["periodSeconds"] = 1 },
        ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "code", ["mountPath"] = "/app" }),
    };
}

/// <summary>A pod of an app of a test.</summary>
public sealed class RunningApp(TestNamespace place, string app, JsonElement pod)
{
    /// <summary>Its app id.</summary>
    public string AppId => app;

    /// <summary>The pod's name.</summary>
    public string PodName => pod.Name();

    /// <summary>The pod, as it was when it was found.</summary>
    public JsonElement Pod => pod;

    /// <summary>Asks the app itself.</summary>
    public async Task<JsonElement> AskAsync(string path, string? body = null) => JsonDocument.Parse(await place.AskAsync(PodName, path, body)).RootElement;

    /// <summary>Has the app call its sidecar.</summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">For example <c>/v1.0/state/store</c>.</param>
    /// <param name="body">The body, JSON.</param>
    /// <param name="headers">Headers.</param>
    public Task<(int Status, string Body)> DaprAsync(string method, string path, string? body = null, JsonObject? headers = null)
        => CallAsync(method, "http://localhost:3500" + path, body, headers);

    /// <summary>Has the app call anything.</summary>
    /// <returns>The status, 0 when there was no answer, and the body.</returns>
    public async Task<(int Status, string Body)> CallAsync(string method, string url, string? body = null, JsonObject? headers = null, string? socket = null)
    {
        headers ??= [];
        if (body is not null)
        {
            headers["content-type"] ??= "application/json";
        }

        var call = new JsonObject { ["method"] = method, ["url"] = url, ["headers"] = headers };
        if (body is not null)
        {
            call["body"] = body;
        }

        if (socket is not null)
        {
            call["socketPath"] = socket;
        }

        var answer = await AskAsync("/test/call", call.ToJsonString());
        return (answer.Number("status") ?? 0, answer.Text("body") ?? "");
    }
}
