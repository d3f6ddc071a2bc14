using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>
/// A Component gives sidecars a state store, a message broker, a secret store, a binding or another building block: its type says
/// which implementation, its metadata how to reach it.
/// </summary>
/// <remarks>Contract: k8s 1.3.</remarks>
[CustomResource("Component", "components", "dcomp", "components")]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that uses the component has it in use.")]
[PrinterColumn("Type", ".spec.type", "The implementation.")]
[PrinterColumn("Version", ".spec.version", "The version of the implementation.")]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those that use it.")]
[PrinterColumn("Reason", """.status.conditions[?(@.type=="Ready")].reason""", "Why it is or is not ready.", Wide = true)]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class Component : Resource
{
    /// <summary>What the component is and how to reach what stands behind it.</summary>
    public ComponentSpec Spec { get; set; } = new();

    /// <summary>The secret store that answers the secret references of this component.</summary>
    public ResourceAuth? Auth { get; set; }

    /// <summary>The name in log lines: <c>name (type/version)</c>.</summary>
    public string LogName => $"{Name} ({Spec.Type}/{Spec.Version})";
}

/// <summary>A component's specification.</summary>
public sealed class ComponentSpec
{
    /// <summary>
    /// Building block and implementation, for example <c>state.redis</c>, <c>pubsub.rabbitmq</c>, <c>secretstores.local.file</c> or
    /// <c>bindings.cron</c>.
    /// </summary>
    [Schema(Required = true)]
    public string Type { get; set; } = "";

    /// <summary>Version of the implementation, nearly always <c>v1</c>; a few types also have <c>v2</c>.</summary>
    [Schema(Required = true)]
    public string Version { get; set; } = "";

    /// <summary>
    /// Whether a sidecar goes on without the component when it does not initialise. Default false: the sidecar is not ready until the
    /// component is.
    /// </summary>
    public bool IgnoreErrors { get; set; }

    /// <summary>How long initialisation may take, a duration such as <c>30s</c> or <c>1m</c>. Default 5s.</summary>
    public string? InitTimeout { get; set; }

    /// <summary>
    /// The settings of the implementation, for example <c>{name: redisHost, value: "redis:6379"}</c>. Names do not depend on case. May
    /// be an empty list.
    /// </summary>
    [Schema(Required = true)]
    public List<NameValuePair>? Metadata { get; set; }
}
