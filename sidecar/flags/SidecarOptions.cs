using System.Net;

namespace DaprK8s.Sidecar.Flags;

/// <summary>The protocol of the app's port.</summary>
internal enum AppProtocol
{
    Http,
    Https,
    H2c,
    Grpc,
    Grpcs,
}

/// <summary>The app channel's settings.</summary>
internal sealed record AppOptions
{
    public int Port { get; init; }
    public AppProtocol Protocol { get; init; }
    public string ChannelAddress { get; init; } = "127.0.0.1";

    /// <summary>Zero or less means unlimited.</summary>
    public int MaxConcurrency { get; init; } = -1;
    public AppHealthOptions? Health { get; init; }
    public bool SkipConfigEndpoint { get; init; }
    public bool SkipSubscribeEndpoint { get; init; }

    /// <summary>Sent to the app as <c>dapr-api-token</c>; empty for none.</summary>
    public string ApiToken { get; init; } = "";
    /// <summary>How long the app may take to say which bindings it wants.</summary>
    public TimeSpan BindingProbeTimeout { get; init; } = TimeSpan.FromSeconds(3);
    public TimeSpan GrpcIdle { get; init; } = TimeSpan.FromMinutes(3);

    public bool HasApp => Port > 0;
    public bool IsGrpc => Protocol is AppProtocol.Grpc or AppProtocol.Grpcs;
    public bool IsTls => Protocol is AppProtocol.Https or AppProtocol.Grpcs;
}

/// <summary>App health probes (contract: api 3.3).</summary>
internal sealed record AppHealthOptions(string Path, TimeSpan Interval, TimeSpan Timeout, int Threshold);

/// <summary>Ports and addresses.</summary>
internal sealed record ListenOptions
{
    public int HttpPort { get; init; } = 3500;
    public int GrpcPort { get; init; } = 50001;

    /// <summary>Zero means a port derived from the app id (contract: operations 1.11).</summary>
    public int InternalGrpcPort { get; init; }
    public string InternalGrpcAddress { get; init; } = "";
    public IReadOnlyList<string> ApiAddresses { get; init; } = [];
    public int PublicPort { get; init; }
    public string PublicAddress { get; init; } = "";
    public int MetricsPort { get; init; } = 9090;
    public string MetricsAddress { get; init; } = "0.0.0.0";
    public bool MetricsEnabled { get; init; } = true;
    public string UnixSocketDirectory { get; init; } = "";

    /// <summary>Bytes; zero or less means unlimited on HTTP.</summary>
    public long MaxBodyBytes { get; init; } = 4 << 20;

    /// <summary>Bytes of all request headers.</summary>
    public long ReadBufferBytes { get; init; } = 4 << 10;
    public bool DisableH2c { get; init; }
    public string AllowedOrigins { get; init; } = "";

    /// <summary>Required of clients as <c>dapr-api-token</c>; empty for none.</summary>
    public string ApiToken { get; init; } = "";
}

/// <summary>Where the identity comes from; present with mTLS, and always in Kubernetes mode.</summary>
internal sealed record SecurityOptions
{
    /// <summary>The token for sentry is a service account's.</summary>
    public bool IsKubernetes { get; init; }

    /// <summary>Sidecars use the identity towards each other too; without it only towards the control plane (contract: k8s 5.2).</summary>
    public bool ProtectsPeers { get; init; } = true;

    /// <summary><c>host:port</c>.</summary>
    public required string SentryAddress { get; init; }
    public required string ControlPlaneTrustDomain { get; init; }
    public required string ControlPlaneNamespace { get; init; }
    public IReadOnlyList<string> JwtAudiences { get; init; } = [];

    /// <summary>PEM.</summary>
    public required string TrustAnchors { get; init; }

    /// <summary>The id to ask for instead of the app id; empty for the app id.</summary>
    public string LocalIdentity { get; init; } = "";

    /// <summary>The file of the token for sentry, or nothing.</summary>
    public string? TokenFile { get; init; }
}

/// <summary>What only Kubernetes mode needs (contract: k8s 5.1).</summary>
internal sealed record KubernetesOptions
{
    /// <summary>The operator, <c>host:port</c>.</summary>
    public required string OperatorAddress { get; init; }

    /// <summary>The pod's name, or empty.</summary>
    public string PodName { get; init; } = "";

    /// <summary>Whether there is a secret store <c>kubernetes</c> that nobody configured.</summary>
    public bool HasBuiltInSecretStore { get; init; } = true;
}

/// <summary>Everything that the command line and the environment say.</summary>
internal sealed record SidecarOptions
{
    public required string AppId { get; init; }
    public string Mode { get; init; } = "standalone";
    public bool IsKubernetes => Mode == "kubernetes";
    public string Namespace { get; init; } = "";
    public AppOptions App { get; init; } = new();
    public ListenOptions Listen { get; init; } = new();
    public SecurityOptions? Security { get; init; }

    /// <summary>Present in Kubernetes mode.</summary>
    public KubernetesOptions? Kubernetes { get; init; }
    public IReadOnlyList<string> ResourcesPaths { get; init; } = [];

    /// <summary>Files when self-hosted, in Kubernetes the name of a Configuration.</summary>
    public IReadOnlyList<string> ConfigFiles { get; init; } = [];
    public string LogLevel { get; init; } = "info";
    public bool LogAsJson { get; init; }
    public string LogFile { get; init; } = "";
    public bool? ApiLogging { get; init; }

    /// <summary>Between full re-reads of the resources.</summary>
    public TimeSpan ReconcileInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Zero means no bound.</summary>
    public TimeSpan GracefulShutdown { get; init; } = TimeSpan.FromSeconds(5);
    public TimeSpan? BlockShutdown { get; init; }
    public bool Wait { get; init; }
    public bool ShowVersion { get; init; }
    public bool ShowBuildInfo { get; init; }

    /// <summary>Flags that were given but whose feature this version lacks; logged at start.</summary>
    public IReadOnlyList<string> WithoutEffect { get; init; } = [];

    /// <summary>Notices about deprecated flags.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];
}
