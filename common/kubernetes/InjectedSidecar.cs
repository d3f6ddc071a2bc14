namespace DaprK8s.Common.Kubernetes;

/// <summary>Names and numbers of the injected sidecar that other services rely on (contract: k8s 3.6, 7.1).</summary>
public static class InjectedSidecar
{
#pragma warning disable CS1591 // These are the words of the contract, one name each.

    public const string ContainerName = "daprd";
    public const int HttpPort = 3500;
    public const int PublicPort = 3501;
    public const int DefaultGrpcPort = 50001;
    public const int DefaultInternalGrpcPort = 50002;
    public const int DefaultMetricsPort = 9090;
    public const int DefaultDebugPort = 40000;
}
