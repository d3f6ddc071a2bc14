using System.Text.Json;

namespace DaprK8s.Common.Resources;

/// <summary>
/// A resource of a kind whose feature reads it itself (Resiliency, MCPServer, WorkflowAccessPolicy): recognised, named,
/// scoped; its specification is kept as JSON.
/// </summary>
public sealed class UntypedResource : Resource
{
    /// <summary>The specification as it stands.</summary>
    public JsonElement Spec { get; set; }
}
