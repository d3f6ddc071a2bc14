using DaprK8s.Common.ControlPlane;
using DaprK8s.Operator.Reports;
using DaprK8s.Operator.Watchdog;

namespace DaprK8s.Operator.Server;

/// <summary>Everything that the command line and the environment say (contract: k8s 2.2).</summary>
internal sealed record OperatorOptions : ServiceOptions
{
    public OperatorOptions()
    {
    }

    public OperatorOptions(ServiceOptions common)
        : base(common)
    {
    }

    /// <summary>Name of the Configuration in our own namespace.</summary>
    public string Config { get; init; } = "daprsystem";

    /// <summary>The control plane's namespace.</summary>
    public string Namespace { get; init; } = "";

    public int Port { get; init; } = 6500;

    public string ListenAddress { get; init; } = "";

    public int WebhookPort { get; init; } = 19443;

    public string WebhookAddress { get; init; } = "";

    public string TrustAnchorsFile { get; init; } = "/var/run/secrets/dapr.io/tls/ca.crt";

    public WatchdogOptions Watchdog { get; init; } = new();

    public bool ElectsLeader { get; init; } = true;

    public bool ReconcilesServices { get; init; } = true;

    public bool ReconcilesRollouts { get; init; }

    /// <summary>The only namespace that is watched; empty for all.</summary>
    public string WatchNamespace { get; init; } = "";

    /// <summary>How often everything is reconciled without a cause.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromHours(10);

    /// <summary>Whether the webhooks are served and the API server is told of them.</summary>
    public bool ServesWebhooks { get; init; } = true;

    /// <summary>Component types that validation takes without knowing them; a type that ends in a dot stands for all that begin so.</summary>
    public IReadOnlyList<string> AllowedTypes { get; init; } = [];

    /// <summary>This replica, as no other calls itself.</summary>
    public string Instance { get; init; } = "";

    /// <summary>Where other replicas reach this one; empty when it is not known.</summary>
    public string OwnAddress { get; init; } = "";

    /// <summary>How often statuses are written.</summary>
    public StatusPace StatusPace { get; init; } = new();

    /// <summary>The file of the token that sentry is shown; <see langword="null"/> for the usual places.</summary>
    public string? TokenFile { get; init; }

    /// <summary>The namespace of watches; <see langword="null"/> for all.</summary>
    public string? Watched => WatchNamespace.Length > 0 ? WatchNamespace : null;
}
