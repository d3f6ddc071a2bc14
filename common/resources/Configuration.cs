using System.Text.Json;

namespace DaprK8s.Common.Resources;

/// <summary>The Configuration resource, whole schema (contract: operations 2.2, k8s 1.7).</summary>
public sealed class Configuration : Resource
{
    /// <summary>The settings.</summary>
    public ConfigurationSpec Spec { get; init; } = new();
}

#pragma warning disable CS1591 // These are the words of the schema; each block is explained where it is used.

public sealed class ConfigurationSpec
{
    public PipelineSpec? HttpPipeline { get; init; }
    public PipelineSpec? AppHttpPipeline { get; init; }
    public TracingSpec? Tracing { get; init; }
    public MetricSpec? Metric { get; init; }
    public MetricSpec? Metrics { get; init; }
    public MtlsSpec? Mtls { get; init; }
    public SecretsSpec? Secrets { get; init; }
    public AccessControlSpec? AccessControl { get; init; }
    public NameResolutionSpec? NameResolution { get; init; }
    public List<FeatureSpec>? Features { get; init; }
    public ApiSpec? Api { get; init; }
    public ComponentsSpec? Components { get; init; }
    public LoggingSpec? Logging { get; init; }
    public WasmSpec? Wasm { get; init; }
    public WorkflowSpec? Workflow { get; init; }
}

public sealed class PipelineSpec
{
    public List<HandlerSpec> Handlers { get; init; } = [];
}

public sealed class HandlerSpec
{
    public string Name { get; init; } = "";
    public string Type { get; init; } = "";
    public string? Version { get; init; }
    public JsonElement Selector { get; init; }
}

public sealed class TracingSpec
{
    public string? SamplingRate { get; init; }
    public bool Stdout { get; init; }
    public ZipkinSpec? Zipkin { get; init; }
    public OtelSpec? Otel { get; init; }
}

public sealed class ZipkinSpec
{
    public string? EndpointAddress { get; init; }
}

public sealed class OtelSpec
{
    public string? Protocol { get; init; }
    public string? EndpointAddress { get; init; }
    public bool? IsSecure { get; init; }

    /// <summary>Either <c>key=value</c> texts or name/value pairs.</summary>
    public JsonElement Headers { get; init; }
    public string? Timeout { get; init; }
}

public sealed class MetricSpec
{
    public bool? Enabled { get; init; }
    public bool? RecordErrorCodes { get; init; }
    public MetricHttpSpec? Http { get; init; }
    public List<int>? LatencyDistributionBuckets { get; init; }
    public List<MetricRule>? Rules { get; init; }
    public MetricWorkflowSpec? Workflow { get; init; }
}

public sealed class MetricHttpSpec
{
    public bool? IncreasedCardinality { get; init; }
    public List<string>? PathMatching { get; init; }
    public bool? ExcludeVerbs { get; init; }
}

public sealed class MetricRule
{
    public string Name { get; init; } = "";
    public List<MetricLabelRule> Labels { get; init; } = [];
}

public sealed class MetricLabelRule
{
    public string Name { get; init; } = "";

    /// <summary>Replacement to pattern.</summary>
    public Dictionary<string, string> Regex { get; init; } = [];
}

public sealed class MetricWorkflowSpec
{
    public List<int>? LatencyDistributionBuckets { get; init; }
    public string? LatencyDistributionUnits { get; init; }
}

public sealed class MtlsSpec
{
    public bool Enabled { get; init; }
    public string? WorkloadCertTTL { get; init; }
    public string? AllowedClockSkew { get; init; }
    public string? SentryAddress { get; init; }
    public string? ControlPlaneTrustDomain { get; init; }
    public List<TokenValidatorSpec>? TokenValidators { get; init; }
}

public sealed class TokenValidatorSpec
{
    public string Name { get; init; } = "";
    public JsonElement Options { get; init; }
}

public sealed class SecretsSpec
{
    public List<SecretScopeSpec> Scopes { get; init; } = [];
}

public sealed class SecretScopeSpec
{
    public string StoreName { get; init; } = "";
    public string? DefaultAccess { get; init; }
    public List<string>? AllowedSecrets { get; init; }
    public List<string>? DeniedSecrets { get; init; }
}

public sealed class AccessControlSpec
{
    public string? DefaultAction { get; init; }
    public string? TrustDomain { get; init; }
    public List<AppPolicySpec>? Policies { get; init; }
}

public sealed class AppPolicySpec
{
    public string AppId { get; init; } = "";
    public string? DefaultAction { get; init; }
    public string? TrustDomain { get; init; }
    public string? Namespace { get; init; }
    public List<AppOperationSpec>? Operations { get; init; }
}

public sealed class AppOperationSpec
{
    public string Name { get; init; } = "";
    public List<string>? HttpVerb { get; init; }
    public string Action { get; init; } = "";
}

public sealed class NameResolutionSpec
{
    public string? Component { get; init; }
    public string? Version { get; init; }
    public JsonElement Configuration { get; init; }
}

public sealed class FeatureSpec
{
    public string Name { get; init; } = "";
    public bool Enabled { get; init; }
}

public sealed class ApiSpec
{
    public List<ApiAccessRule>? Allowed { get; init; }
    public List<ApiAccessRule>? Denied { get; init; }
}

public sealed class ApiAccessRule
{
    public string Name { get; init; } = "";
    public string Version { get; init; } = "";
    public string? Protocol { get; init; }
}

public sealed class ComponentsSpec
{
    public List<string>? Deny { get; init; }
}

public sealed class LoggingSpec
{
    public ApiLoggingSpec? ApiLogging { get; init; }
}

public sealed class ApiLoggingSpec
{
    public bool? Enabled { get; init; }
    public bool ObfuscateURLs { get; init; }
    public bool OmitHealthChecks { get; init; }
}

public sealed class WasmSpec
{
    public bool StrictSandbox { get; init; }
}

public sealed class WorkflowSpec
{
    public int? MaxConcurrentWorkflowInvocations { get; init; }
    public int? MaxConcurrentActivityInvocations { get; init; }
    public int? GlobalMaxConcurrentWorkflowInvocations { get; init; }
    public int? GlobalMaxConcurrentActivityInvocations { get; init; }
    public List<NamedConcurrencyLimit>? WorkflowConcurrencyLimits { get; init; }
    public List<NamedConcurrencyLimit>? ActivityConcurrencyLimits { get; init; }
    public StateRetentionSpec? StateRetentionPolicy { get; init; }
}

public sealed class NamedConcurrencyLimit
{
    public string Name { get; init; } = "";
    public int MaxConcurrent { get; init; }
}

public sealed class StateRetentionSpec
{
    public string? AnyTerminal { get; init; }
    public string? Completed { get; init; }
    public string? Failed { get; init; }
    public string? Terminated { get; init; }
}
