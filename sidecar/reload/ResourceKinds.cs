namespace DaprK8s.Sidecar.Reload;

/// <summary>The kinds of resources, as manifests write them.</summary>
internal static class ResourceKinds
{
    public const string Component = "Component";
    public const string Configuration = "Configuration";
    public const string HttpEndpoint = "HTTPEndpoint";
    public const string McpServer = "MCPServer";
    public const string Resiliency = "Resiliency";
    public const string Subscription = "Subscription";
    public const string WorkflowAccessPolicy = "WorkflowAccessPolicy";

    /// <summary>Those that a source lists and watches besides the Configuration.</summary>
    public static IReadOnlyList<string> Listed { get; } = [Component, HttpEndpoint, McpServer, Resiliency, Subscription, WorkflowAccessPolicy];
}
