using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Operator.Watchdog;

namespace DaprK8s.Operator.Server;

/// <summary>The operator's flags and environment (contract: k8s 2.2).</summary>
internal sealed class OperatorFlags(Func<string, string?> environment)
{
    private static readonly TimeSpan DefaultResync = TimeSpan.FromHours(10);

    private readonly FlagSet flags = new("operator", "Configuration, resources and secrets for sidecars in Kubernetes");

    /// <summary>The usage text.</summary>
    public string Usage => flags.Usage();

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FlagException">A flag is unknown or ill-typed.</exception>
    /// <exception cref="OptionException">A value makes no sense.</exception>
    public OperatorOptions Parse(string[] args)
    {
        var config = flags.Text("config", "daprsystem", "Name of the Configuration in the operator's own namespace");
        var port = flags.Number("port", 6500, "Port of the gRPC API");
        var address = flags.Text("listen-address", "", "Address of the gRPC API; empty for all");
        var webhookPort = flags.Number("webhook-server-port", 19443, "Port of the webhooks");
        var webhookAddress = flags.Text("webhook-server-listen-address", "", "Address of the webhooks; empty for all");
        var anchors = flags.Text("trust-anchors-file", new OperatorOptions().TrustAnchorsFile, "File of the trust anchors");
        var interval = flags.Text("watch-interval", "0", "How often the watchdog looks for pods without a sidecar: 0, once, or a duration of at least 1s");
        var restarts = flags.Number("max-pod-restarts-per-minute", 20, "How many pods the watchdog may delete in a minute; 0 for any number");
        var canPatch = flags.Bool("watchdog-can-patch-pod-labels", false, "Let the watchdog label pods that have a sidecar");
        var noElection = flags.Bool("disable-leader-election", false, "Lead without an election; for a single replica");
        var noServices = flags.Bool("disable-service-reconciler", false, "Make no Services for apps");
        var watched = flags.Text("watch-namespace", "", "The only namespace that is watched; empty for all");
        var rollouts = flags.Bool("enable-argo-rollout-service-reconciler", false, "Make Services for Argo Rollouts too");
        var resync = flags.Duration("cache-sync-period", "How often everything is reconciled without a cause (10h)");
        var allowed = flags.List("validation-allowed-types", "Component types that validation takes without knowing them, comma-separated");
        var common = ServiceOptions.Declare(flags);
        flags.Parse(args);

        var podAddress = environment("POD_IP") ?? "";
        return new OperatorOptions(common())
        {
            Config = config(),
            Namespace = ServiceNamespace.Read(environment(ServiceNamespace.Variable)),
            Port = port(),
            ListenAddress = address(),
            WebhookPort = webhookPort(),
            WebhookAddress = webhookAddress(),
            TrustAnchorsFile = anchors(),
            Watchdog = WatchdogOptions.Read(interval(), restarts(), canPatch()),
            ElectsLeader = !noElection(),
            ReconcilesServices = !noServices(),
            WatchNamespace = watched(),
            ReconcilesRollouts = rollouts(),
            Resync = resync() is { Ticks: > 0 } period ? period : DefaultResync,
            AllowedTypes = allowed(),
            ServesWebhooks = !string.Equals(environment("ENABLE_WEBHOOKS"), "false", StringComparison.OrdinalIgnoreCase),
            Instance = $"{(environment("POD_NAME") is { Length: > 0 } name ? name : Environment.MachineName)}_{Guid.NewGuid():N}",
            OwnAddress = podAddress.Length == 0 ? "" : podAddress.Contains(':', StringComparison.Ordinal) ? $"[{podAddress}]:{port()}" : $"{podAddress}:{port()}",
            TokenFile = environment(IdentityToken.FileVariable),
        };
    }
}
