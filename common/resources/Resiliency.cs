using System.Text.Json.Serialization;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>A Resiliency says how sidecars deal with failures: time-outs, retries and circuit breakers, and which target each is for.</summary>
/// <remarks>Contract: k8s 1.6, messaging 8.</remarks>
[CustomResource("Resiliency", "resiliencies", "dres", "resiliency")]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that uses the resource has it in use.")]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those that use it.")]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class Resiliency : Resource
{
    /// <summary>Policies, and the targets that they are for.</summary>
    public ResiliencySpec Spec { get; set; } = new();
}

/// <summary>A resiliency's specification.</summary>
public sealed class ResiliencySpec
{
    /// <summary>The policies, by names of your choice.</summary>
    [Schema(Required = true)]
    public ResiliencyPolicies Policies { get; set; } = new();

    /// <summary>What the policies are for. A target that is listed gets only the policies that it names; others get those named Default...Policy.</summary>
    [Schema(Required = true)]
    public ResiliencyTargets Targets { get; set; } = new();
}

/// <summary>Policies by name.</summary>
public sealed class ResiliencyPolicies
{
    /// <summary>How long an attempt may take: a duration such as <c>500ms</c> or <c>5s</c>; a number alone counts milliseconds.</summary>
    public Dictionary<string, string>? Timeouts { get; set; }

    /// <summary>Whether and when a failed attempt is repeated.</summary>
    public Dictionary<string, RetryPolicy>? Retries { get; set; }

    /// <summary>When a target that keeps failing is left alone for a while.</summary>
    public Dictionary<string, CircuitBreakerPolicy>? CircuitBreakers { get; set; }
}

/// <summary>A retry policy.</summary>
public sealed class RetryPolicy
{
    /// <summary><c>constant</c> (default): the same wait before each attempt. <c>exponential</c>: from 500ms, half as long again each time, up to <c>maxInterval</c>.</summary>
    public string? Policy { get; set; }

    /// <summary>The wait of the policy constant, a duration; a number alone counts milliseconds. Default 5s.</summary>
    public string? Duration { get; set; }

    /// <summary>The longest wait of the policy exponential, a duration; a number alone counts milliseconds. Default 60s.</summary>
    public string? MaxInterval { get; set; }

    /// <summary>How often is tried again after the first attempt; 0 never, -1 without end (the default).</summary>
    public int? MaxRetries { get; set; }

    /// <summary>Which failures are tried again. Default: all.</summary>
    public RetryMatching? Matching { get; set; }
}

/// <summary>Which failures are retried. Those without a code always are.</summary>
public sealed class RetryMatching
{
    /// <summary>HTTP status codes that are tried again: codes from 100 to 599 and ranges, commas between, no blanks, for example <c>429,500-599</c>.</summary>
    public string? HttpStatusCodes { get; set; }

    /// <summary>gRPC status codes that are tried again: codes from 0 to 16 and ranges, commas between, no blanks, for example <c>4,14</c>.</summary>
    [JsonPropertyName("gRPCStatusCodes")]
    public string? GrpcStatusCodes { get; set; }
}

/// <summary>A circuit breaker policy.</summary>
public sealed class CircuitBreakerPolicy
{
    /// <summary>How many calls are let through on trial when the breaker is half-open; as many successes in a row close it. Default 1.</summary>
    public int? MaxRequests { get; set; }

    /// <summary>How often the counts are cleared while the breaker is closed, a duration. Default 0s: never.</summary>
    public string? Interval { get; set; }

    /// <summary>How long the breaker stays open before it lets calls through on trial, a duration. Default 60s.</summary>
    public string? Timeout { get; set; }

    /// <summary>
    /// When the breaker opens: a CEL expression over <c>requests</c>, <c>totalSuccesses</c>, <c>totalFailures</c>,
    /// <c>consecutiveSuccesses</c> and <c>consecutiveFailures</c>. Default <c>consecutiveFailures &gt; 5</c>.
    /// </summary>
    public string? Trip { get; set; }
}

/// <summary>What policies are for.</summary>
public sealed class ResiliencyTargets
{
    /// <summary>Invoked apps, by app id, and HTTP endpoints, by name.</summary>
    public Dictionary<string, AppTarget>? Apps { get; set; }

    /// <summary>Actors, by type.</summary>
    public Dictionary<string, ActorTarget>? Actors { get; set; }

    /// <summary>Components, by name.</summary>
    public Dictionary<string, ComponentTarget>? Components { get; set; }
}

/// <summary>Policies for calls of an app.</summary>
public sealed class AppTarget
{
    /// <summary>Name of a time-out of this resource.</summary>
    public string? Timeout { get; set; }

    /// <summary>Name of a retry policy of this resource.</summary>
    public string? Retry { get; set; }

    /// <summary>Name of a circuit breaker of this resource.</summary>
    public string? CircuitBreaker { get; set; }

    /// <summary>How many circuit breakers are kept, one a method; the one used least recently goes first. Default 100.</summary>
    public int? CircuitBreakerCacheSize { get; set; }
}

/// <summary>Policies for calls of actors of a type.</summary>
public sealed class ActorTarget
{
    /// <summary>Name of a time-out of this resource.</summary>
    public string? Timeout { get; set; }

    /// <summary>Name of a retry policy of this resource.</summary>
    public string? Retry { get; set; }

    /// <summary>Name of a circuit breaker of this resource.</summary>
    public string? CircuitBreaker { get; set; }

    /// <summary>What a circuit breaker is for: the whole <c>type</c>, or each <c>id</c> (<c>both</c> means the same). Needed with <c>circuitBreaker</c>.</summary>
    public string? CircuitBreakerScope { get; set; }

    /// <summary>How many circuit breakers are kept, one an actor id. Default 5000.</summary>
    public int? CircuitBreakerCacheSize { get; set; }
}

/// <summary>Policies for a component.</summary>
public sealed class ComponentTarget
{
    /// <summary>For deliveries from the component to the app: messages and binding events.</summary>
    public PolicyNames? Inbound { get; set; }

    /// <summary>For calls of the component: state, publishing, secrets and so on.</summary>
    public PolicyNames? Outbound { get; set; }
}

/// <summary>Policies, by name.</summary>
public sealed class PolicyNames
{
    /// <summary>Name of a time-out of this resource.</summary>
    public string? Timeout { get; set; }

    /// <summary>Name of a retry policy of this resource.</summary>
    public string? Retry { get; set; }

    /// <summary>Name of a circuit breaker of this resource.</summary>
    public string? CircuitBreaker { get; set; }
}
