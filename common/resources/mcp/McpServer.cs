using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>An MCPServer offers the tools of a Model Context Protocol server to apps as durable workflows.</summary>
/// <remarks>Contract: k8s 1.8, workflow 32.</remarks>
[CustomResource("MCPServer", "mcpservers", "dmcp", "mcpservers")]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that uses the server has it in use.")]
[PrinterColumn("Name", ".spec.catalog.displayName", "The name shown to people.", Wide = true)]
[PrinterColumn("Team", ".spec.catalog.owner.team", "Who owns the server.")]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those that use it.")]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class McpServer : Resource
{
    /// <summary>Where the server is, who owns it, and which workflows see its calls.</summary>
    public McpServerSpec Spec { get; set; } = new();
}

/// <summary>An MCP server's specification.</summary>
public sealed class McpServerSpec
{
    /// <summary>How the server is reached: exactly one of streamableHTTP, sse and stdio.</summary>
    [Schema(Required = true)]
    public McpEndpoint Endpoint { get; set; } = new();

    /// <summary>Whether a sidecar goes on when the server can't be reached. Default false.</summary>
    public bool IgnoreErrors { get; set; }

    /// <summary>What people should know about the server; without effect on how it is used.</summary>
    public McpCatalog? Catalog { get; set; }

    /// <summary>Workflows that see, check or change what goes to the server and comes back.</summary>
    public McpMiddleware? Middleware { get; set; }
}

/// <summary>How an MCP server is reached.</summary>
[Schema(Rule = McpServerRules.OneTransportRule, RuleMessage = McpServerRules.OneTransport)]
public sealed class McpEndpoint
{
    /// <summary>A server behind a URL, by the protocol's current HTTP transport.</summary>
    public McpHttpTransport? StreamableHTTP { get; set; }

    /// <summary>A server behind a URL, by the protocol's older transport of server-sent events.</summary>
    public McpHttpTransport? Sse { get; set; }

    /// <summary>A server that the sidecar starts as a process of its own. Refused on Kubernetes.</summary>
    public McpStdioTransport? Stdio { get; set; }
}
