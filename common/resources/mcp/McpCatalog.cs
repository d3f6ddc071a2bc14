using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>What people should know about an MCP server.</summary>
public sealed class McpCatalog
{
    /// <summary>Name shown to people.</summary>
    public string? DisplayName { get; set; }

    /// <summary>What the server offers.</summary>
    public string? Description { get; set; }

    /// <summary>Who is responsible for it.</summary>
    public McpOwner? Owner { get; set; }

    /// <summary>Words to find it by.</summary>
    public List<string>? Tags { get; set; }

    /// <summary>Links by title, for example <c>runbook: https://wiki.example.com/mcp</c>.</summary>
    public Dictionary<string, string>? Links { get; set; }
}

/// <summary>Who is responsible for an MCP server.</summary>
public sealed class McpOwner
{
    /// <summary>The team.</summary>
    public string? Team { get; set; }

    /// <summary>How to reach them.</summary>
    public string? Contact { get; set; }
}

/// <summary>Workflows around the calls of an MCP server.</summary>
public sealed class McpMiddleware
{
    /// <summary>Run in this order before a tool is called; when one fails the tool is not called.</summary>
    public List<McpMutatingHook>? BeforeCallTool { get; set; }

    /// <summary>Run in this order after a tool was called.</summary>
    public List<McpMutatingHook>? AfterCallTool { get; set; }

    /// <summary>Run in this order before the tools are listed.</summary>
    public List<McpHook>? BeforeListTools { get; set; }

    /// <summary>Run in this order after the tools were listed.</summary>
    public List<McpMutatingHook>? AfterListTools { get; set; }
}

/// <summary>A workflow that sees calls.</summary>
public sealed class McpHook
{
    /// <summary>The workflow.</summary>
    [Schema(Required = true)]
    public McpHookWorkflow Workflow { get; set; } = new();
}

/// <summary>A workflow that sees calls and may change them.</summary>
public sealed class McpMutatingHook
{
    /// <summary>The workflow.</summary>
    [Schema(Required = true)]
    public McpHookWorkflow Workflow { get; set; } = new();

    /// <summary>Whether what the workflow returns replaces what it was given. Default false.</summary>
    public bool Mutate { get; set; }
}

/// <summary>A workflow.</summary>
public sealed class McpHookWorkflow
{
    /// <summary>Its name.</summary>
    [Schema(Required = true, MinLength = 1)]
    public string WorkflowName { get; set; } = "";

    /// <summary>The app that runs it. Default: the app that calls the tool.</summary>
    public string? AppID { get; set; }
}
