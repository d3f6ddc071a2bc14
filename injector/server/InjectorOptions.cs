using DaprK8s.Common.ControlPlane;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Sidecar;

namespace DaprK8s.Injector.Server;

/// <summary>Everything that the command line and the environment say (contract: k8s 3.1).</summary>
internal sealed record InjectorOptions : ServiceOptions
{
    /// <summary>Port of the webhook.</summary>
    public int Port { get; init; } = 4000;

    /// <summary>Address of the webhook; empty for all.</summary>
    public string ListenAddress { get; init; } = "";

    public required string Namespace { get; init; }

    public required string TrustDomain { get; init; }

    public required string TrustAnchorsFile { get; init; }

    /// <summary>Where the injector itself gets its identity; sidecars are told another address.</summary>
    public required string SentryAddress { get; init; }

    /// <summary>A file that names the token to show to sentry; <see langword="null"/> for the usual places.</summary>
    public string? TokenFile { get; init; }

    public required SidecarDefaults Sidecar { get; init; }

    public required CallerRules Callers { get; init; }

    /// <summary>What could not be used, to be told once there is a log.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
