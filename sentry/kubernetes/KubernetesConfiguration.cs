using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;
using DaprK8s.Sentry.Server;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>
/// Sentry's own Configuration (contract: security 1.16), read from our own namespace and no other: one of the same name elsewhere
/// belongs to somebody who has no say in the control plane.
/// </summary>
internal static class KubernetesConfiguration
{
    /// <summary>The variable that names our namespace.</summary>
    public const string NamespaceVariable = "NAMESPACE";

    /// <summary>Reads its <c>mtls</c> block.</summary>
    /// <param name="client">The API server.</param>
    /// <param name="name">The Configuration.</param>
    /// <param name="namespace">The value of <see cref="NamespaceVariable"/>; <see langword="null"/> when it is not set.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="ConfigurationException">It can't be read; fatal.</exception>
    public static async Task<MtlsSpec?> LoadAsync(KubernetesClient client, string name, string? @namespace, CancellationToken cancellationToken)
    {
        try
        {
            return string.IsNullOrEmpty(@namespace)
                ? throw new ConfigurationException($"'{NamespaceVariable}' environment variable {(@namespace is null ? "not set" : "is empty")}")
                : (await client.GetAsync(DaprResources.Configurations, @namespace, name, cancellationToken)).Spec.Mtls;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var cause = e is KubernetesException { IsKindMissing: true } ? "config CRD not found" : e.Message;
            throw new ConfigurationException($"loading default config. couldn't find config name {GoQuote.Quote(name)}: {cause}");
        }
    }
}
