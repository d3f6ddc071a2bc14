using System.Text.Json;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>Distributed tracing.</summary>
public sealed class TracingSpec
{
    /// <summary>The share of requests that is traced, a number from <c>"0"</c> (none) to <c>"1"</c> (all), for example <c>"0.1"</c>.</summary>
    [Schema(Required = true)]
    public string? SamplingRate { get; set; }

    /// <summary>Whether spans are also written to the sidecar's log. Default false.</summary>
    public bool Stdout { get; set; }

    /// <summary>Sends spans to a Zipkin collector.</summary>
    public ZipkinSpec? Zipkin { get; set; }

    /// <summary>Sends spans to an OpenTelemetry collector.</summary>
    public OtelSpec? Otel { get; set; }
}

/// <summary>A Zipkin collector.</summary>
public sealed class ZipkinSpec
{
    /// <summary>URL of the collector, for example <c>http://zipkin.tracing:9411/api/v2/spans</c>.</summary>
    [Schema(Required = true)]
    public string? EndpointAddress { get; set; }
}

/// <summary>An OpenTelemetry collector.</summary>
public sealed class OtelSpec
{
    /// <summary>How spans are sent: <c>grpc</c> or <c>http</c>.</summary>
    [Schema(Required = true)]
    public string? Protocol { get; set; }

    /// <summary>Host and port of the collector, for example <c>otel-collector.tracing:4317</c>.</summary>
    [Schema(Required = true)]
    public string? EndpointAddress { get; set; }

    /// <summary>Whether the connection uses TLS.</summary>
    [Schema(Required = true)]
    public bool? IsSecure { get; set; }

    /// <summary>
    /// Headers sent with every export, for example an API key by <c>secretKeyRef</c> to a Secret of the same namespace. In a file also
    /// texts of the form <c>key=value</c>.
    /// </summary>
    [Schema(Items = typeof(NameValuePair))]
    public JsonElement Headers { get; set; }

    /// <summary>How long an export may take, a duration such as <c>10s</c>. Default 10s.</summary>
    public string? Timeout { get; set; }
}
