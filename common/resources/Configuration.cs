using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>
/// A Configuration tells sidecars how to behave: tracing, metrics, pipelines, access control, limits. An app names its one by the
/// annotation dapr.io/config; the control plane reads <c>daprsystem</c>.
/// </summary>
/// <remarks>Contract: operations 2.2, k8s 1.7.</remarks>
[CustomResource("Configuration", "configurations", "dconf", "configuration", HasScopes = false)]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that is assigned the configuration has it in use.")]
[PrinterColumn("Sampling", ".spec.tracing.samplingRate", "The share of requests that is traced.")]
[PrinterColumn("Metrics", ".spec.metrics.enabled", "Whether metrics are served.", Type = "boolean")]
[PrinterColumn("mTLS", ".spec.mtls.enabled", "Whether sidecars speak mutual TLS, in the control plane's configuration.", Type = "boolean", Wide = true)]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those assigned.")]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class Configuration : Resource
{
    /// <summary>The settings; every part may be left out.</summary>
    public ConfigurationSpec Spec { get; set; } = new();
}

/// <summary>A configuration's specification.</summary>
public sealed class ConfigurationSpec
{
    /// <summary>Middleware that wraps the HTTP API of the sidecar: every request of the app passes it.</summary>
    public PipelineSpec? HttpPipeline { get; set; }

    /// <summary>Middleware that wraps calls from the sidecar to the app over HTTP.</summary>
    public PipelineSpec? AppHttpPipeline { get; set; }

    /// <summary>Distributed tracing: how much is traced and where spans go.</summary>
    public TracingSpec? Tracing { get; set; }

    /// <summary>The older name of <c>metrics</c>. A member that <c>metrics</c> sets too is taken from there.</summary>
    [Schema(Default = """{"enabled":true}""")]
    public MetricSpec? Metric { get; set; }

    /// <summary>Prometheus metrics of the sidecar.</summary>
    [Schema(Default = """{"enabled":true}""")]
    public MetricSpec? Metrics { get; set; }

    /// <summary>Mutual TLS between sidecars. Counts only in the control plane's configuration; in an app's own it is for information.</summary>
    public MtlsSpec? Mtls { get; set; }

    /// <summary>Which secrets the app may read through the sidecar. Does not bind secret references of components.</summary>
    public SecretsSpec? Secrets { get; set; }

    /// <summary>Which apps may invoke the app that this configuration is assigned to, and what in it. Default: all of them, everything.</summary>
    public AccessControlSpec? AccessControl { get; set; }

    /// <summary>How app ids become addresses. Default <c>kubernetes</c> in a cluster, <c>mdns</c> elsewhere.</summary>
    public NameResolutionSpec? NameResolution { get; set; }

    /// <summary>Preview features turned on or off.</summary>
    public List<FeatureSpec>? Features { get; set; }

    /// <summary>Which parts of the sidecar's API the app may use. Default: all.</summary>
    public ApiSpec? Api { get; set; }

    /// <summary>Component types that sidecars must not load.</summary>
    public ComponentsSpec? Components { get; set; }

    /// <summary>What sidecars log.</summary>
    public LoggingSpec? Logging { get; set; }

    /// <summary>Limits for WebAssembly components.</summary>
    public WasmSpec? Wasm { get; set; }

    /// <summary>Limits for workflows and how long finished ones are kept.</summary>
    public WorkflowSpec? Workflow { get; set; }
}
