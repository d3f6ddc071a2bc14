using System.Text.Json.Nodes;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Operator.Server;

/// <summary>What the operator takes from its Configuration (contract: k8s 2.4).</summary>
/// <param name="IsMtlsEnabled">Whether sidecars speak TLS to each other.</param>
/// <param name="TrustDomain">The control plane's trust domain.</param>
/// <param name="SentryAddress">Where sentry is.</param>
internal sealed record OperatorConfiguration(bool IsMtlsEnabled, string TrustDomain, string SentryAddress)
{
    private const string DefaultTrustDomain = "cluster.local";

    // Whole: that mtls.enabled is absent means something else than false.
    private static readonly ApiResource<JsonObject> Resource = ApiResources.Of("dapr.io", "v1alpha1", "configurations");

    /// <summary>Reads it from the operator's own namespace.</summary>
    /// <exception cref="OptionException">It can't be read; fatal.</exception>
    public static async Task<OperatorConfiguration> LoadAsync(KubernetesClient client, string name, string @namespace, CancellationToken cancellationToken)
    {
        try
        {
            var mtls = (await client.GetAsync(Resource, @namespace, name, cancellationToken))["spec"]?["mtls"] as JsonObject;
            return new OperatorConfiguration(
                mtls?["enabled"] is not JsonValue enabled || !enabled.TryGetValue(out bool value) || value,
                Text(mtls?["controlPlaneTrustDomain"]) is { Length: > 0 } domain ? domain : DefaultTrustDomain,
                Text(mtls?["sentryAddress"]) is { Length: > 0 } address ? address : $"dapr-sentry.{@namespace}.svc:443");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OptionException($"unable to load configuration, config: {name}, err: {KubernetesException.Explain(e)}");
        }
    }

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : "";
}
