using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>The secret store that every sidecar in Kubernetes has, unless it was told not to (contract: k8s 5.5).</summary>
internal static class BuiltInSecretStore
{
    public const string Name = "kubernetes";

    public static Component Create(string @namespace) => new()
    {
        ApiVersion = "dapr.io/v1alpha1",
        Kind = "Component",
        Metadata = new ObjectMeta { Name = Name, Namespace = @namespace },
        Spec = new ComponentSpec { Type = "secretstores.kubernetes", Version = "v1" },
    };
}
