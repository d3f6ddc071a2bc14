using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Pods;

/// <summary>The pods that ask for a sidecar, by their metadata alone; of all others nothing is held.</summary>
internal sealed class AnnotatedPods(KubernetesClient client, string? @namespace, ILogger logger, TimeProvider time)
{
    private readonly Informer<AnnotatedPod> informer = new(
        client,
        new ApiResource<AnnotatedPod>("", "v1", "pods", null!),
        new InformerScope { Namespace = @namespace, MetadataOnly = true },
        logger,
        time)
    {
        Read = AnnotatedPod.Read,
    };

    /// <summary>Whether the first list is complete.</summary>
    public bool HasSynced => informer.HasSynced;

    /// <summary>The pods, now.</summary>
    public ICollection<AnnotatedPod> All => informer.Objects;

    /// <summary>Waits for the first list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellationToken) => informer.WaitForSyncAsync(cancellationToken);

    /// <summary>Follows the API server until cancellation.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => informer.RunAsync(cancellationToken);

    /// <summary>The Configuration that an app is given (contract: k8s 2.9); <see langword="null"/> for none.</summary>
    public string? ConfigurationOf(string @namespace, string appId)
        => informer.Objects.FirstOrDefault(p => p.Metadata.Namespace == @namespace && p.AppId == appId && p.Configuration.Length > 0)?.Configuration;
}
