using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Injector.Pods;
using DaprK8s.Injector.Sidecar;
using DaprK8s.Injector.Tests.Support;

namespace DaprK8s.Injector.Tests.Sidecar;

/// <summary>
/// Every pod of <c>golden/</c> as it is injected. <c>make golden</c> writes the expected pods anew; what it changed is to be looked at
/// like any other change.
/// </summary>
public sealed class GoldenPodTests
{
    private const string Input = ".pod.yaml";
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What holds for all pods, by the name in a file's first line, <c># settings: name</c>.</summary>
    private static readonly Dictionary<string, SidecarDefaults> Settings = new()
    {
        ["standard"] = Injections.Defaults,
        ["hardened"] = Injections.Defaults with
        {
            ImagePullPolicy = "IfNotPresent", RunAsUser = 1000, RunAsGroup = 3000, DropsAllCapabilities = true, PassesHostIp = true,
        },
        ["permissive"] = Injections.Defaults with { RunsAsNonRoot = false, HasReadOnlyRoot = false, HasTokenVolume = false },
        ["without control plane services"] = Injections.Defaults with { PlacementAddress = "", SchedulerAddress = null },
        ["other services"] = Injections.Defaults with
        {
            PlacementAddress = "",
            ActorsService = "etcd:actors.dapr-system.svc.cluster.local:2379",
            RemindersService = "default:.dapr-system.svc.cluster.local:0",
        },
        ["native"] = Injections.Defaults with { IsNative = true },
        ["tolerations"] = Injections.Defaults with { IgnoreEntrypointTolerations = [new Toleration("wrapped", "Equal", "no", "NoSchedule", null)] },
    };

    private static readonly Component[] Components =
    [
        Component("redis", [], """{"image":"components/redis:1","env":[{"name":"A","value":"1"}],"volumeMounts":[{"name":"data","mountPath":"/data"}],"securityContext":{"runAsNonRoot":true}}"""),
        Component("same-image", [], """{"name":"other","image":"components/redis:1"}"""),
        Component("scoped", ["orders"], """{"name":"scoped-container","image":"components/scoped:1","volumeMounts":[{"name":"data","mountPath":"/data"}]}"""),
        Component("elsewhere", ["payments"], """{"image":"components/elsewhere:1"}"""),
        Component("broken", [], "{image}"),
        Component("without-image", [], "{}"),
        Component("builtin", [], null),
    ];

    public static TheoryData<string> Cases => [.. Directory.GetFiles(Folder(), "*" + Input).Select(f => Path.GetFileName(f)[..^Input.Length]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_pod_becomes_what_its_golden_file_shows(string name)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Folder(), name + Input), TestContext.Current.CancellationToken);
        var pod = JsonNode.Parse(YamlJson.Convert(text)!)!;
        var settings = text.StartsWith("# settings: ", StringComparison.Ordinal) ? text.Split('\n')[0]["# settings: ".Length..].Trim() : "standard";
        var injections = new Injections { Settings = Settings[settings], Cluster = new FixedCluster { Components = Components } };

        var injected = (await injections.InjectAsync(pod)).ToJsonString(Readable) + "\n";

        var file = Path.Combine(Folder(), name + ".injected.json");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            await File.WriteAllTextAsync(file, injected, TestContext.Current.CancellationToken);
        }

        Assert.Equal(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), injected);
    }

    private static Component Component(string name, List<string> scopes, string? container) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = name,
            Annotations = container is null ? null : new() { ["dapr.io/component-container"] = container },
        },
        Scopes = scopes,
    };

    private static string Folder([CallerFilePath] string self = "") => Path.Combine(Path.GetDirectoryName(self)!, "..", "golden");
}
