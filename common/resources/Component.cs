namespace DaprK8s.Common.Resources;

/// <summary>A Component resource, <c>dapr.io/v1alpha1</c> (contract: k8s 1.3).</summary>
public sealed class Component : Resource
{
    /// <summary>Type, version and metadata.</summary>
    public ComponentSpec Spec { get; init; } = new();

    /// <summary>The secret store of its secret references.</summary>
    public ResourceAuth? Auth { get; init; }

    /// <summary>The name in log lines: <c>name (type/version)</c>.</summary>
    public string LogName => $"{Name} ({Spec.Type}/{Spec.Version})";
}

/// <summary>A component's specification.</summary>
public sealed class ComponentSpec
{
    /// <summary>For example <c>state.redis</c>.</summary>
    public string Type { get; init; } = "";

    /// <summary>For example <c>v1</c>.</summary>
    public string Version { get; init; } = "";

    /// <summary>The sidecar goes on without the component when it does not initialise.</summary>
    public bool IgnoreErrors { get; init; }

    /// <summary>How long initialisation may take, a Go duration; five seconds when absent or invalid.</summary>
    public string? InitTimeout { get; init; }

    /// <summary>The settings.</summary>
    public List<NameValuePair>? Metadata { get; init; }
}
