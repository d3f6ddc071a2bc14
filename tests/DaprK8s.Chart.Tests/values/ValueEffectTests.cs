using System.Collections.Concurrent;
using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Values;

/// <summary>Every value does something, or is documented to do nothing.</summary>
public sealed class ValueEffectTests
{
    /// <summary>What a value needs beside it to show its effect, by the beginning of its path.</summary>
    private static readonly (string Path, string[] Needs)[] Needed =
    [
        ("global.reminders", ["global.reminders.serviceName=\"placement\""]),
        ("global.rbac", []),
        ("global.ha.", ["global.ha.enabled=true"]),
        ("dapr_placement.cluster.logStoreWinPath", ["dapr_placement.ha=true", "global.daprControlPlaneOs=\"windows\""]),
        ("dapr_placement.cluster", ["dapr_placement.ha=true"]),
        ("dapr_placement.volumeclaims", ["dapr_placement.ha=true"]),
        ("dapr_scheduler.cluster.etcdDataDirWinPath", ["global.daprControlPlaneOs=\"windows\""]),
        ("dapr_sentry.jwt", ["dapr_sentry.jwt.enabled=true"]),
        ("dapr_sentry.oidc", ["dapr_sentry.oidc.enabled=true"]),
        ("dapr_sentry.tls.", ["dapr_sentry.tls.issuer.certPEM=\"a\"", "dapr_sentry.tls.issuer.keyPEM=\"b\"", "dapr_sentry.tls.root.certPEM=\"c\""]),
        ("dapr_operator.debug", ["dapr_operator.debug.enabled=true"]),
        ("dapr_placement.debug", ["dapr_placement.debug.enabled=true"]),
        ("dapr_scheduler.debug", ["dapr_scheduler.debug.enabled=true"]),
        ("dapr_sentry.debug", ["dapr_sentry.debug.enabled=true"]),
        ("dapr_sidecar_injector.debug", ["dapr_sidecar_injector.debug.enabled=true"]),
        ("dapr_sidecar_injector.replicaCount", []),
    ];

    /// <summary>Another value where one made from the default's type won't do.</summary>
    private static readonly Dictionary<string, string> Other = new()
    {
        ["global.imagePullPolicy"] = "\"Always\"",
        ["global.actors.available"] = "false",
        ["global.scheduler.available"] = "false",
        ["global.tolerations"] = "[{\"key\":\"x\"}]",
        ["global.ha.podAntiAffinityPolicy"] = "\"requiredDuringSchedulingIgnoredDuringExecution\"",
        ["global.ha.disruption.minimumAvailable"] = "1",
        ["global.ha.disruption.maximumUnavailable"] = "1",
        ["global.daprControlPlaneOs"] = "\"windows\"",
        ["global.priorityClassName"] = "\"system-node-critical\"",
        ["global.actors.serviceName"] = "\"scheduler\"",
        ["global.reminders.serviceName"] = "\"scheduler\"",
        ["global.mtls.workloadCertTTL"] = "\"1h\"",
        ["global.mtls.allowedClockSkew"] = "\"1m\"",
        ["global.issuerFilenames"] = "{\"ca\":\"a\",\"cert\":\"b\",\"key\":\"c\"}",
        ["global.extraVolumes"] = "{\"operator\":[{\"name\":\"x\"}]}",
        ["global.extraVolumeMounts"] = "{\"operator\":[{\"name\":\"x\"}]}",
        ["global.extraContainers"] = "{\"operator\":[{\"name\":\"x\"}]}",
        ["global.initContainers"] = "{\"operator\":[{\"name\":\"x\"}]}",
        ["dapr_operator.validation.failurePolicy"] = "\"Fail\"",
        ["dapr_placement.volumeclaims.storageSize"] = "\"2Gi\"",
        ["dapr_placement.volumeclaims.storageClassName"] = "\"x\"",
        ["dapr_scheduler.cluster.storageSize"] = "\"2Gi\"",
        ["dapr_scheduler.etcdCompactionMode"] = "\"periodic\"",
        ["dapr_scheduler.etcdMetrics"] = "\"extensive\"",
        ["dapr_scheduler.securityContext.fsGroup"] = "5",
        ["dapr_sentry.mode"] = "\"standalone\"",
        ["dapr_sidecar_injector.webhookFailurePolicy"] = "\"Ignore\"",
        ["dapr_sidecar_injector.sidecarImagePullPolicy"] = "\"Always\"",
        ["dapr_sidecar_injector.objectSelector"] = "{\"matchLabels\":{\"a\":\"b\"}}",
        ["dapr_sidecar_injector.namespaceSelector"] = "{\"matchLabels\":{\"a\":\"b\"}}",
    };

    private readonly ConcurrentDictionary<string, string> renderings = new();

    public static TheoryData<string> Groups => [.. ChartValues.All.Keys.Select(k => k[..k.IndexOf('.')]).Distinct()];

    [Theory]
    [MemberData(nameof(Groups))]
    public async Task Every_value_has_an_effect_unless_the_documentation_says_that_it_has_none(string group)
    {
        var documentation = Repository.Read("docs/kubernetes.md");
        var wrong = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(ChartValues.All.Where(v => v.Key.StartsWith(group + ".", StringComparison.Ordinal)), (value, _) =>
        {
            var (path, @default) = value;
            var needs = Needed.FirstOrDefault(n => path.StartsWith(n.Path, StringComparison.Ordinal)).Needs ?? [];
            var needsDefault = needs.Where(n => !n.StartsWith(path + "=", StringComparison.Ordinal)).ToArray();
            var changed = needs.Length > needsDefault.Length && !Other.ContainsKey(path) && @default == "false" ? "true" : Change(path, @default);
            var before = Render(needsDefault);
            var after = Render([.. needsDefault, $"{path}={changed}"]);
            var useless = documentation.Contains($"`{NameOf(path)}`: no effect", StringComparison.Ordinal);
            if (before == after != useless)
            {
                wrong.Add($"{path}={changed} {(useless ? "has an effect, although the documentation denies it" : "has no effect")}");
            }

            return ValueTask.CompletedTask;
        });

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("global.daprControlPlaneArch=\"arm64\"")]
    [InlineData("global.mtls.sentryAddress=\"sentry.example:443\"")]
    [InlineData("dapr_scheduler.overrideBroadcastHostPort=\"host:1\"")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsUser=5")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsGroup=5")]
    public void So_has_every_value_without_a_default(string value) => Assert.NotEqual(Render([]), Render([value]));

    // Of a key that several services have, the documentation names the last part only.
    private static string NameOf(string path) => path.EndsWith("nameOverride", StringComparison.OrdinalIgnoreCase) ? path[(path.LastIndexOf('.') + 1)..] : path;

    private static string Change(string path, string value) => Other.TryGetValue(path, out var other) ? other : value switch
    {
        "true" => "false",
        "false" => "true",
        "{}" when path.EndsWith("resources", StringComparison.Ordinal) => "{\"limits\":{\"cpu\":\"1\"}}",
        "{}" => "{\"a\":\"b\"}",
        "[]" => "[\"x\"]",
        _ when path.EndsWith("type", StringComparison.Ordinal) => "\"NodePort\"",
        _ when path.EndsWith("protocol", StringComparison.Ordinal) => "\"UDP\"",
        _ when path.EndsWith("logLevel", StringComparison.Ordinal) => "\"debug\"",
        _ when value.Length > 2 && value[0] == '"' && char.IsAsciiDigit(value[1]) && char.IsAsciiLetter(value[^2]) => "\"7s\"",
        _ when value[0] == '"' => "\"other\"",
        _ => "77",
    };

    private string Render(string[] values) => renderings.GetOrAdd(string.Join('\n', values), _ => Helm.Template(
        [.. new[] { "global.actors.available=true", "global.scheduler.available=true" }.Concat(values).SelectMany(v => new[] { "--set-json", v })]).Text);
}
