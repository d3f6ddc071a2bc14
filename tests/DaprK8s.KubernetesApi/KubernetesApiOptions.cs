using System.Net;

namespace DaprK8s.KubernetesApi;

/// <summary>How an API server is to be.</summary>
public sealed record KubernetesApiOptions
{
    /// <summary>Where it listens; the first is its own address.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [IPAddress.Loopback];

    /// <summary>The port; a free one when 0.</summary>
    public int Port { get; init; }

    /// <summary>DNS names of its certificate, beside <c>kubernetes.default.svc</c> and its forms.</summary>
    public IReadOnlyList<string> ServerNames { get; init; } = [];

    /// <summary>Addresses of its certificate, beside those where it listens and the cluster address of the Service <c>kubernetes</c>.</summary>
    public IReadOnlyList<IPAddress> ServerAddresses { get; init; } = [IPAddress.Parse("10.96.0.1")];

    /// <summary>The first two bytes of the cluster addresses of Services.</summary>
    public string ServiceAddressPrefix { get; init; } = "10.96";

    /// <summary>The Kubernetes version that it says it is.</summary>
    public string Version { get; init; } = "v1.34.0";

    /// <summary>Serve the kinds of <c>dapr.io</c> without a definition; anything goes in their objects.</summary>
    public bool WithDaprKinds { get; init; }

    /// <summary>The stored roles and bindings decide who may do what; else everybody may do everything.</summary>
    public bool UsesStoredRoles { get; init; }

    /// <summary>A pod must name a service account that is there, and gets its token mounted; needs somebody who creates <c>default</c> in each namespace.</summary>
    public bool RequiresServiceAccounts { get; init; }
}
