using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Operator.Resources;

/// <summary>A kind that sidecars are served.</summary>
/// <param name="Name">The kind, such as <c>Component</c>.</param>
/// <param name="Version">The version that is read and served.</param>
/// <param name="Plural">The name in paths.</param>
/// <param name="FindSecrets">The references to Secrets in a document, that the operator resolves.</param>
internal sealed record ResourceKind(string Name, string Version, string Plural, Func<JsonObject, List<SecretReference>> FindSecrets)
{
    public static readonly ResourceKind Component = new("Component", "v1alpha1", "components", SecretReferences.OfComponent);
    public static readonly ResourceKind Configuration = new("Configuration", "v1alpha1", "configurations", SecretReferences.OfConfiguration);
    public static readonly ResourceKind Subscription = new("Subscription", "v2alpha1", "subscriptions", SecretReferences.None);
    public static readonly ResourceKind Resiliency = new("Resiliency", "v1alpha1", "resiliencies", SecretReferences.None);
    public static readonly ResourceKind HttpEndpoint = new("HTTPEndpoint", "v1alpha1", "httpendpoints", SecretReferences.OfHttpEndpoint);
    public static readonly ResourceKind McpServer = new("MCPServer", "v1alpha1", "mcpservers", SecretReferences.OfMcpServer);

    public static readonly ResourceKind WorkflowAccessPolicy =
        new("WorkflowAccessPolicy", "v1alpha1", "workflowaccesspolicies", SecretReferences.None);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ResourceKind> All { get; } =
        [Component, Configuration, Subscription, Resiliency, HttpEndpoint, McpServer, WorkflowAccessPolicy];

    /// <summary><c>dapr.io/v1alpha1</c>.</summary>
    public string ApiVersion => $"dapr.io/{Version}";

    /// <summary>The kind at the API server, whole.</summary>
    public ApiResource<JsonObject> Resource { get; } = ApiResources.Of("dapr.io", Version, Plural);

    /// <summary>The kind of a name, such as <c>Component</c>.</summary>
    public static ResourceKind? Find(string name) => All.FirstOrDefault(k => k.Name == name);
}
