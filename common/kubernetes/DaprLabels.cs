namespace DaprK8s.Common.Kubernetes;

/// <summary>The labels that the control plane writes (contract: k8s 7.2).</summary>
public static class DaprLabels
{
#pragma warning disable CS1591 // These are the words of the contract, one name each.

    public const string SidecarInjected = "dapr.io/sidecar-injected";
    public const string AppId = "dapr.io/app-id";
    public const string MetricsEnabled = "dapr.io/metrics-enabled";
    public const string WatchdogPatched = "dapr.io/watchdog-patched";
    public const string Enabled = "dapr.io/enabled";
}
