using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Components.Tests.Support;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Sidecar;
using DaprK8s.KubernetesApi.Patches;

namespace DaprK8s.Injector.Tests.Support;

/// <summary>Asks for decisions as the API server does, and applies their patches as it does.</summary>
internal sealed class Injections
{
    public const string ReplicaSets = "system:serviceaccount:kube-system:replicaset-controller";

    public static readonly SidecarDefaults Defaults = new()
    {
        Image = "registry.example/daprd:1.17.0",
        ControlPlaneNamespace = "dapr-system",
        OperatorAddress = "dapr-api.dapr-system.svc.cluster.local:443",
        SentryAddress = "dapr-sentry.dapr-system.svc.cluster.local:443",
        PlacementAddress = "dapr-placement-server.dapr-system.svc.cluster.local:50005",
        SchedulerAddress = "dapr-scheduler-server-a.dapr-system.svc.cluster.local:443",
    };

    public SidecarDefaults Settings { get; init; } = Defaults;

    public FixedCluster Cluster { get; init; } = new();

    public CallerRules Callers { get; init; } = new("", "");

    public RecordedInjections Events { get; } = new();

    public RecordingLogger Log { get; } = new();

    /// <summary>A pod with annotations, as JSON.</summary>
    public static JsonObject Pod(params (string Name, string Value)[] annotations) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject
        {
            ["generateName"] = "orders-5d8-",
            ["annotations"] = new JsonObject(annotations.Select(a => KeyValuePair.Create(a.Name, (JsonNode?)a.Value))),
        },
        ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "app", ["image"] = "app" }) },
    };

    /// <summary>A pod that asks for a sidecar.</summary>
    public static JsonObject EnabledPod(params (string Name, string Value)[] annotations)
        => Pod([("dapr.io/enabled", "true"), ("dapr.io/app-id", "orders"), .. annotations]);

    public static JsonObject Review(JsonNode? pod, string username = ReplicaSets, string kind = "Pod", string version = "v1") => new()
    {
        ["apiVersion"] = "admission.k8s.io/" + version,
        ["kind"] = "AdmissionReview",
        ["request"] = new JsonObject
        {
            ["uid"] = "705ab4f5-6393-11e8-b7cc-42010a800002",
            ["kind"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["kind"] = kind },
            ["resource"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["resource"] = "pods" },
            ["namespace"] = "shop",
            ["operation"] = "CREATE",
            ["userInfo"] = new JsonObject { ["username"] = username, ["uid"] = "u-1", ["groups"] = new JsonArray("system:authenticated") },
            ["object"] = pod?.DeepClone(),
        },
    };

    public async Task<AdmissionAnswer> AskAsync(JsonNode? pod, string username = ReplicaSets, string kind = "Pod")
    {
        var request = AdmissionRequest.Read(JsonSerializer.SerializeToElement(Review(pod, username, kind)));
        return await new InjectionDecision(Callers, Settings, Cluster, Events, Log).DecideAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Has a sidecar injected, and answers the pod that becomes of it.</summary>
    public async Task<JsonNode> InjectAsync(JsonNode pod)
    {
        var answer = await AskAsync(pod);
        Assert.True(answer.Refusal is null, answer.Refusal);
        Assert.False(answer.Patch.IsEmpty, "the pod was left as it was");
        return JsonPatch.Apply(pod, Operations(answer));
    }

    /// <summary>Has a sidecar injected, and answers the container <c>daprd</c>.</summary>
    public async Task<JsonNode> SidecarAsync(JsonNode pod)
        => (await InjectAsync(pod))["spec"]!["containers"]!.AsArray().Single(c => (string)c!["name"]! == "daprd")!;

    /// <summary>The arguments of the container <c>daprd</c>, one text.</summary>
    public async Task<string> ArgumentsAsync(params (string Name, string Value)[] annotations)
        => string.Join(' ', (await SidecarAsync(EnabledPod(annotations)))["args"]!.AsArray().Select(a => (string)a!));

    public static JsonArray Operations(AdmissionAnswer answer) => JsonNode.Parse(answer.Patch.Span)!.AsArray();

    public static JsonObject Write(AdmissionAnswer answer, AdmissionRequest? request)
    {
        var output = new ArrayBufferWriter<byte>();
        answer.Write(request, output);
        return JsonNode.Parse(output.WrittenSpan)!.AsObject();
    }
}
