using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Text;
using DaprK8s.Operator.Resources;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Services;

/// <summary>The headless Service <c>&lt;app id&gt;-dapr</c> by which sidecars find each other (contract: k8s 2.10).</summary>
internal static class SidecarService
{
    private const int HttpPort = 80;

    /// <summary>Makes the Service of a workload.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="appId">Its app id.</param>
    /// <param name="isMtlsEnabled">Whether sidecars speak TLS to each other.</param>
    /// <param name="logger">Told of annotations that can't be set.</param>
    public static JsonObject Create(Workload workload, string appId, bool isMtlsEnabled, ILogger logger)
    {
        var metricsPort = Port(workload, DaprAnnotations.MetricsPort, InjectedSidecar.DefaultMetricsPort);
        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Service",
            ["metadata"] = new JsonObject
            {
                ["name"] = KubernetesAppId.ServiceName(appId),
                ["namespace"] = workload.Metadata.Namespace,
                ["labels"] = new JsonObject { [DaprLabels.Enabled] = "true" },
                ["annotations"] = Annotations(workload, appId, metricsPort, logger),
                ["ownerReferences"] = new JsonArray(new JsonObject
                {
                    ["apiVersion"] = workload.Kind.ApiVersion,
                    ["kind"] = workload.Kind.Kind,
                    ["name"] = workload.Metadata.Name,
                    ["uid"] = workload.Metadata.Uid,
                    ["controller"] = true,
                    ["blockOwnerDeletion"] = true,
                }),
            },
            ["spec"] = new JsonObject
            {
                ["clusterIP"] = "None",
                ["selector"] = new JsonObject(workload.Selector.Select(s => KeyValuePair.Create<string, JsonNode?>(s.Key, s.Value))),
                ["ports"] = Ports(workload, metricsPort, isMtlsEnabled),
            },
        };
    }

    /// <summary>What of a Service is the operator's, as a text: two Services with the same are the same to it.</summary>
    public static string Fingerprint(JsonObject service)
    {
        var metadata = service.Member("metadata");
        var spec = service.Member("spec");
        return string.Join('\n',
        [
            Sorted(metadata.Member("labels")),
            Sorted(metadata.Member("annotations")),
            .. metadata.Member("ownerReferences").Objects().Select(o =>
                $"{o.Member("apiVersion").Text()}|{o.Member("kind").Text()}|{o.Member("name").Text()}|{o.Member("uid").Text()}|{Is(o.Member("controller"))}|{Is(o.Member("blockOwnerDeletion"))}"),
            spec.Member("clusterIP").Text(),
            Sorted(spec.Member("selector")),
            .. spec.Member("ports").Objects().Select(p =>
                $"{p.Member("name").Text()}|{Protocol(p)}|{p.Member("port")?.ToJsonString()}|{p.Member("targetPort")?.ToJsonString()}|{p.Member("appProtocol").Text()}"),
        ]);
    }

    private static JsonObject Annotations(Workload workload, string appId, int metricsPort, ILogger logger)
    {
        var annotations = new JsonObject { [DaprAnnotations.AppId] = appId };
        if (Enabled(workload, DaprAnnotations.EnableMetrics))
        {
            annotations["prometheus.io/probe"] = "true";
            annotations["prometheus.io/scrape"] = "true";
            annotations["prometheus.io/port"] = metricsPort.ToString(CultureInfo.InvariantCulture);
            annotations["prometheus.io/path"] = "/";
        }

        foreach (var entry in workload.Annotations.GetValueOrDefault(DaprAnnotations.SidecarServiceAnnotations, "").Split(','))
        {
            var split = entry.IndexOf('=', StringComparison.Ordinal);
            var key = split < 0 ? "" : entry[..split].Trim();
            if (key.Length == 0)
            {
                continue;
            }

            if (!annotations.TryAdd(key, entry[(split + 1)..].Trim()))
            {
                logger.LogWarning(
                    "{Namespace}/{Name}: annotation {Key} of {Annotation} is set by the operator and is ignored",
                    workload.Metadata.Namespace, workload.Metadata.Name, key, DaprAnnotations.SidecarServiceAnnotations);
            }
        }

        return annotations;
    }

    private static JsonArray Ports(Workload workload, int metricsPort, bool isMtlsEnabled)
    {
        var grpc = Port(workload, DaprAnnotations.GrpcPort, InjectedSidecar.DefaultGrpcPort);
        var @internal = Port(workload, DaprAnnotations.InternalGrpcPort, InjectedSidecar.DefaultInternalGrpcPort);
        return new JsonArray(
            PortOf("dapr-http", HttpPort, InjectedSidecar.HttpPort, "http"),
            PortOf("dapr-grpc", grpc, grpc, "grpc"),
            PortOf("dapr-internal", @internal, @internal, isMtlsEnabled ? "tls" : "grpc"),
            PortOf("dapr-metrics", metricsPort, metricsPort, "http"));
    }

    private static JsonObject PortOf(string name, int port, int target, string protocol)
        => new() { ["name"] = name, ["protocol"] = "TCP", ["port"] = port, ["targetPort"] = target, ["appProtocol"] = protocol };

    private static int Port(Workload workload, string annotation, int @default)
        => int.TryParse(workload.Annotations.GetValueOrDefault(annotation, ""), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535 ? port : @default;

    private static bool Enabled(Workload workload, string annotation)
        => workload.Annotations.GetValueOrDefault(annotation) is not { Length: > 0 } text || Truthy.IsTruthy(text);

    private static string Sorted(JsonNode? members)
        => members is JsonObject o ? string.Join(',', o.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key}={m.Value.Text()}")) : "";

    private static string Protocol(JsonObject port) => port.Member("protocol").Text() is { Length: > 0 } protocol ? protocol : "TCP";

    private static bool Is(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool flag) && flag;
}
