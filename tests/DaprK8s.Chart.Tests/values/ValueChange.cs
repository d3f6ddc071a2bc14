using System.Globalization;

namespace DaprK8s.Chart.Tests.Values;

/// <summary>A value given another than its default.</summary>
/// <param name="Path">The value.</param>
/// <param name="Needs">What must be set beside it to show its effect, as <c>--set-json</c> takes it.</param>
/// <param name="Setting">The value changed, likewise.</param>
/// <param name="Mark">A number in it that is in no other; <see langword="null"/> where the value can't have one.</param>
internal sealed record ValueChange(string Path, IReadOnlyList<string> Needs, string Setting, string? Mark)
{
    private const string MarkPlace = "MARK";

    /// <summary>What a value needs beside it, by the beginning of its path.</summary>
    private static readonly (string Path, string[] Needs)[] Needed =
    [
        ("global.reminders", ["global.reminders.serviceName=\"placement\""]),
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
    ];

    /// <summary>Another value where one made from the default's type won't do.</summary>
    private static readonly Dictionary<string, string> Other = new()
    {
        ["global.imagePullPolicy"] = "\"Always\"",
        ["global.actors.available"] = "false",
        ["global.scheduler.available"] = "false",
        ["global.tolerations"] = "[{\"key\":\"MARK\"}]",
        ["global.ha.podAntiAffinityPolicy"] = "\"requiredDuringSchedulingIgnoredDuringExecution\"",
        ["global.ha.disruption.minimumAvailable"] = "MARK",
        ["global.ha.disruption.maximumUnavailable"] = "MARK",
        ["global.daprControlPlaneOs"] = "\"windows\"",
        ["global.priorityClassName"] = "\"system-node-critical\"",
        ["global.actors.serviceName"] = "\"scheduler\"",
        ["global.reminders.serviceName"] = "\"scheduler\"",
        ["global.issuerFilenames"] = "{\"ca\":\"a\",\"cert\":\"MARK\",\"key\":\"c\"}",
        ["global.extraVolumes"] = "{\"operator\":[{\"name\":\"MARK\"}]}",
        ["global.extraVolumeMounts"] = "{\"operator\":[{\"name\":\"MARK\"}]}",
        ["global.extraContainers"] = "{\"operator\":[{\"name\":\"MARK\"}]}",
        ["global.initContainers"] = "{\"operator\":[{\"name\":\"MARK\"}]}",
        ["dapr_operator.validation.failurePolicy"] = "\"Fail\"",
        ["dapr_placement.volumeclaims.storageSize"] = "\"MARKGi\"",
        ["dapr_placement.volumeclaims.storageClassName"] = "\"MARK\"",
        ["dapr_scheduler.cluster.storageSize"] = "\"MARKGi\"",
        ["dapr_scheduler.etcdCompactionMode"] = "\"periodic\"",
        ["dapr_scheduler.etcdMetrics"] = "\"extensive\"",
        ["dapr_scheduler.securityContext.fsGroup"] = "MARK",
        ["dapr_sentry.mode"] = "\"standalone\"",
        ["dapr_sidecar_injector.webhookFailurePolicy"] = "\"Ignore\"",
        ["dapr_sidecar_injector.sidecarImagePullPolicy"] = "\"Always\"",
        ["dapr_sidecar_injector.objectSelector"] = "{\"matchLabels\":{\"a\":\"MARK\"}}",
        ["dapr_sidecar_injector.namespaceSelector"] = "{\"matchLabels\":{\"a\":\"MARK\"}}",
    };

    /// <summary>The sub-chart, or <c>global</c>.</summary>
    public string Chart => Path[..Path.IndexOf('.')];

    /// <summary>Whether neither it nor what it needs concerns anything but its sub-chart.</summary>
    public bool IsOfSubChart => Chart != "global" && Needs.All(n => n.StartsWith(Chart + ".", StringComparison.Ordinal));

    /// <summary>All, by path.</summary>
    public static IReadOnlyList<ValueChange> All { get; } = [.. ChartValues.All.Select((v, index) => Of(v.Key, v.Value, index))];

    private static ValueChange Of(string path, string @default, int index)
    {
        var needs = Needed.FirstOrDefault(n => path.StartsWith(n.Path, StringComparison.Ordinal)).Needs ?? [];
        var others = needs.Where(n => !n.StartsWith(path + "=", StringComparison.Ordinal)).ToArray();
        var changed = Changed(path, @default);

        // Of five digits, as a port may be.
        var mark = (20001 + index).ToString(CultureInfo.InvariantCulture);
        return changed.Contains(MarkPlace, StringComparison.Ordinal)
            ? new ValueChange(path, others, $"{path}={changed.Replace(MarkPlace, mark, StringComparison.Ordinal)}", mark) : new ValueChange(path, others, $"{path}={changed}", null);
    }

    private static string Changed(string path, string value) => Other.TryGetValue(path, out var other) ? other : value switch
    {
        "true" => "false",
        "false" => "true",
        "{}" when path.EndsWith("resources", StringComparison.Ordinal) => "{\"limits\":{\"cpu\":\"MARK\"}}",
        "{}" => "{\"a\":\"xMARK\"}",
        "[]" => "[\"xMARK\"]",
        _ when path.EndsWith("type", StringComparison.Ordinal) => "\"NodePort\"",
        _ when path.EndsWith("protocol", StringComparison.Ordinal) => "\"UDP\"",
        _ when path.EndsWith("logLevel", StringComparison.Ordinal) => "\"debug\"",
        _ when value.Length > 2 && value[0] == '"' && char.IsAsciiDigit(value[1]) && char.IsAsciiLetter(value[^2]) => "\"MARKs\"",
        _ when value[0] == '"' => "\"xMARK\"",
        _ => "MARK",
    };
}
