using System.Text.Json.Nodes;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Injector.Admission;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Kubernetes;

/// <summary>What an injection needs to know of the cluster, asked of the API server (contract: k8s 3.10, 3.12).</summary>
internal sealed class ClusterFacts(KubernetesClient client, string controlPlaneNamespace, TrustAnchorSource anchors, ILogger logger, TimeProvider time) : IClusterFacts
{
    private const string SystemConfiguration = "daprsystem";

    // One question of many pods at once; the role allows no watch.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    // The webhook's own caller does not wait forever.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly ApiResource<JsonObject> Configurations = ApiResources.Of("dapr.io", "v1alpha1", "configurations");

    private readonly Lock gate = new();
    private Task<bool>? mtls;
    private long askedAt;
    private string complaint = "";

    /// <inheritdoc/>
    public string TrustAnchors => anchors.Current?.Pem ?? "";

    /// <inheritdoc/>
    public ValueTask<bool> IsMtlsEnabledAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (mtls is null || time.GetElapsedTime(askedAt) >= Fresh)
            {
                (mtls, askedAt) = (AskAsync(), time.GetTimestamp());
            }

            return mtls.IsCompletedSuccessfully ? new(mtls.Result) : new(mtls.WaitAsync(cancellationToken));
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Component>> ListComponentsAsync(string @namespace, CancellationToken cancellationToken)
    {
        // Asked anew for each pod that wants it: one that was created right before the pod must be in it.
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await client.ListAsync(DaprResources.Components, new InformerScope { Namespace = @namespace }, either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new TimeoutException($"the API server did not answer within {Patience.TotalSeconds} s");
        }
    }

    private async Task<bool> AskAsync()
    {
        using var limit = new CancellationTokenSource(Patience, time);
        try
        {
            var configuration = await client.GetAsync(Configurations, controlPlaneNamespace, SystemConfiguration, limit.Token);
            complaint = "";
            return configuration["spec"]?["mtls"]?["enabled"] is not JsonValue enabled || !enabled.TryGetValue<bool>(out var isOn) || isOn;
        }
        catch (KubernetesException e) when (e.IsObjectMissing || e.IsKindMissing)
        {
            return true;
        }
        catch (Exception e)
        {
            var problem = limit.IsCancellationRequested ? $"the API server did not answer within {Patience.TotalSeconds} s" : e.Message;
            if (problem != complaint)
            {
                complaint = problem;
                logger.LogWarning("Configuration {Namespace}/{Name} can't be read, mTLS counts as enabled: {Problem}", controlPlaneNamespace, SystemConfiguration, problem);
            }

            return true;
        }
    }
}
