using System.Text.Json;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>Name resolution.</summary>
public sealed class NameResolutionSpec
{
    /// <summary>The resolver: <c>kubernetes</c>, <c>mdns</c>, <c>sqlite</c>, ...</summary>
    [Schema(Required = true)]
    public string? Component { get; set; }

    /// <summary>Version of the resolver. Default v1.</summary>
    [Schema(Required = true)]
    public string? Version { get; set; }

    /// <summary>Settings of the resolver, for example <c>clusterDomain: cluster.local</c> for kubernetes.</summary>
    [Schema(Required = true, PreserveUnknownFields = true)]
    public JsonElement Configuration { get; set; }
}

/// <summary>A preview feature.</summary>
public sealed class FeatureSpec
{
    /// <summary>The feature, for example <c>HotReload</c>.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>On or off.</summary>
    [Schema(Required = true)]
    public bool Enabled { get; set; }
}

/// <summary>Which APIs the app may use.</summary>
public sealed class ApiSpec
{
    /// <summary>When there is one for a protocol, only these APIs are served over it.</summary>
    public List<ApiAccessRule>? Allowed { get; set; }

    /// <summary>These APIs are not served. Wins over <c>allowed</c>.</summary>
    public List<ApiAccessRule>? Denied { get; set; }
}

/// <summary>An API.</summary>
public sealed class ApiAccessRule
{
    /// <summary>The API: <c>state</c>, <c>publish</c>, <c>invoke</c>, <c>bindings</c>, <c>secrets</c>, <c>actors</c>, <c>workflows</c>, ...</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>Its version, for example <c>v1</c> or <c>v1alpha1</c>.</summary>
    [Schema(Required = true)]
    public string Version { get; set; } = "";

    /// <summary><c>http</c> or <c>grpc</c>. A rule without it has no effect.</summary>
    public string? Protocol { get; set; }
}

/// <summary>Which components are loaded.</summary>
public sealed class ComponentsSpec
{
    /// <summary>Types that are not loaded, for example <c>bindings.smtp</c>, or of one version, <c>state.redis/v1</c>.</summary>
    public List<string>? Deny { get; set; }
}

/// <summary>Logging.</summary>
public sealed class LoggingSpec
{
    /// <summary>A log line for each call of the API.</summary>
    public ApiLoggingSpec? ApiLogging { get; set; }
}

/// <summary>Logging of API calls.</summary>
public sealed class ApiLoggingSpec
{
    /// <summary>On or off. Default off; the annotation dapr.io/enable-api-logging wins.</summary>
    public bool? Enabled { get; set; }

    /// <summary>Whether the log has the route's pattern in place of the URL, so that no values of users get into it. Default false.</summary>
    public bool ObfuscateURLs { get; set; }

    /// <summary>Whether health checks are left out. Default false.</summary>
    public bool OmitHealthChecks { get; set; }
}

/// <summary>WebAssembly components.</summary>
public sealed class WasmSpec
{
    /// <summary>Whether all of them get a strict sandbox: no real clock, no real random numbers. Default false.</summary>
    public bool StrictSandbox { get; set; }
}

/// <summary>Workflows.</summary>
public sealed class WorkflowSpec
{
    /// <summary>The most workflow turns that one sidecar runs at a time. 0 or less: no limit (the default).</summary>
    [Schema(Format = "int32")]
    public int? MaxConcurrentWorkflowInvocations { get; set; }

    /// <summary>The most activities that one sidecar runs at a time. 0 or less: no limit (the default).</summary>
    [Schema(Format = "int32")]
    public int? MaxConcurrentActivityInvocations { get; set; }

    /// <summary>The most workflow turns that all sidecars of the app run at a time. 0 or less: no limit (the default).</summary>
    [Schema(Format = "int32")]
    public int? GlobalMaxConcurrentWorkflowInvocations { get; set; }

    /// <summary>The most activities that all sidecars of the app run at a time. 0 or less: no limit (the default).</summary>
    [Schema(Format = "int32")]
    public int? GlobalMaxConcurrentActivityInvocations { get; set; }

    /// <summary>Limits for single workflows, by name.</summary>
    public List<NamedConcurrencyLimit>? WorkflowConcurrencyLimits { get; set; }

    /// <summary>Limits for single activities, by name.</summary>
    public List<NamedConcurrencyLimit>? ActivityConcurrencyLimits { get; set; }

    /// <summary>How long the state of finished workflows is kept. Default: until it is purged.</summary>
    public StateRetentionSpec? StateRetentionPolicy { get; set; }
}

/// <summary>A limit for one workflow or activity.</summary>
public sealed class NamedConcurrencyLimit
{
    /// <summary>The workflow or activity.</summary>
    public string Name { get; set; } = "";

    /// <summary>The most that run at a time. 0 or less: no limit.</summary>
    [Schema(Format = "int32")]
    public int MaxConcurrent { get; set; }
}

/// <summary>How long finished workflows are kept.</summary>
public sealed class StateRetentionSpec
{
    /// <summary>For every way of ending that has no entry of its own; a duration such as <c>168h</c>, <c>0s</c> purges at once.</summary>
    public string? AnyTerminal { get; set; }

    /// <summary>For workflows that completed, a duration.</summary>
    public string? Completed { get; set; }

    /// <summary>For workflows that failed, a duration.</summary>
    public string? Failed { get; set; }

    /// <summary>For workflows that were terminated, a duration.</summary>
    public string? Terminated { get; set; }
}
