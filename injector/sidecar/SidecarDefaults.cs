using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>What all injected sidecars have in common; set by the process's environment and flags (contract: k8s 3.1, 3.12).</summary>
internal sealed record SidecarDefaults
{
    /// <summary>The image of the sidecar.</summary>
    public required string Image { get; init; }

    public string ImagePullPolicy { get; init; } = "Always";

    /// <summary>The namespace of the control plane.</summary>
    public required string ControlPlaneNamespace { get; init; }

    public string ControlPlaneTrustDomain { get; init; } = "cluster.local";

    /// <summary>The operator, <c>host:port</c>.</summary>
    public required string OperatorAddress { get; init; }

    /// <summary>Sentry, <c>host:port</c>.</summary>
    public required string SentryAddress { get; init; }

    /// <summary>Placement, <c>host:port</c>; empty without.</summary>
    public string PlacementAddress { get; init; } = "";

    /// <summary>Another actors service than placement, <c>name:host:port</c>; empty without.</summary>
    public string ActorsService { get; init; } = "";

    /// <summary>The reminders service, <c>name:host:port</c>; empty without.</summary>
    public string RemindersService { get; init; } = "";

    /// <summary>The scheduler, <c>host:port</c>; <see langword="null"/> when it is switched off.</summary>
    public string? SchedulerAddress { get; init; }

    /// <summary>Whether sidecars get a projected token to show to sentry.</summary>
    public bool HasTokenVolume { get; init; } = true;

    public bool RunsAsNonRoot { get; init; } = true;

    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public bool HasReadOnlyRoot { get; init; } = true;

    public bool DropsAllCapabilities { get; init; }

    /// <summary>Whether sidecars learn their pod's address from the downward API.</summary>
    public bool PassesHostIp { get; init; }

    /// <summary>Whether the sidecar is a native one unless the pod says otherwise.</summary>
    public bool IsNative { get; init; }

    /// <summary>The folder of pluggable components' sockets.</summary>
    public string ComponentSocketsFolder { get; init; } = StandardComponentSocketsFolder;

    /// <summary>Pods with one of these run the sidecar by <c>command</c>, past the image's entrypoint.</summary>
    public IReadOnlyList<Toleration> IgnoreEntrypointTolerations { get; init; } = [];

    /// <summary>Where daprd looks for sockets when nobody tells it.</summary>
    public const string StandardComponentSocketsFolder = "/tmp/dapr-components-sockets";
}
