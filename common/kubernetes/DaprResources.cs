using System.Text.Json.Serialization.Metadata;
using DaprK8s.Common.Resources;

namespace DaprK8s.Common.Kubernetes;

/// <summary>The custom resources of <c>dapr.io</c> (contract: k8s 1.1).</summary>
public static class DaprResources
{
    /// <summary>Components.</summary>
    public static ApiResource<Component> Components { get; } = Of("v1alpha1", "components", ResourceJson.Default.Component);

    /// <summary>Configurations.</summary>
    public static ApiResource<Configuration> Configurations { get; } = Of("v1alpha1", "configurations", ResourceJson.Default.Configuration);

    /// <summary>HTTP endpoints.</summary>
    public static ApiResource<HttpEndpoint> HttpEndpoints { get; } = Of("v1alpha1", "httpendpoints", ResourceJson.Default.HttpEndpoint);

    /// <summary>Subscriptions, in the version that they are stored in.</summary>
    public static ApiResource<Subscription> Subscriptions { get; } = Of("v2alpha1", "subscriptions", ResourceJson.Default.Subscription);

    /// <summary>Resiliencies.</summary>
    public static ApiResource<Resiliency> Resiliencies { get; } = Of("v1alpha1", "resiliencies", ResourceJson.Default.Resiliency);

    /// <summary>MCP servers.</summary>
    public static ApiResource<McpServer> McpServers { get; } = Of("v1alpha1", "mcpservers", ResourceJson.Default.McpServer);

    /// <summary>Workflow access policies.</summary>
    public static ApiResource<WorkflowAccessPolicy> WorkflowAccessPolicies { get; } =
        Of("v1alpha1", "workflowaccesspolicies", ResourceJson.Default.WorkflowAccessPolicy);

    /// <summary>Reads a resource of a kind whose specification is kept as JSON.</summary>
    public static JsonTypeInfo<UntypedResource> Untyped => ResourceJson.Default.UntypedResource;

    /// <summary>A kind of which a service reads less, or something else, than the common types hold.</summary>
    public static ApiResource<T> Of<T>(string version, string plural, JsonTypeInfo<T> json) => new("dapr.io", version, plural, json);
}
