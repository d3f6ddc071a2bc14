using System.Text.Json.Serialization;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Injector.Kubernetes;

/// <summary>A MutatingWebhookConfiguration, as far as its CA bundles are concerned.</summary>
internal sealed class WebhookConfiguration : IApiObject
{
    /// <summary>The kind.</summary>
    public static readonly ApiResource<WebhookConfiguration> Resource
        = new("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", WebhookJson.Default.WebhookConfiguration);

    public ObjectMeta Metadata { get; init; } = new();

    public List<Webhook>? Webhooks { get; init; }
}

/// <summary>A webhook.</summary>
internal sealed class Webhook
{
    public string Name { get; init; } = "";

    public WebhookClientConfig? ClientConfig { get; init; }
}

/// <summary>How a webhook is called.</summary>
internal sealed class WebhookClientConfig
{
    /// <summary>The authorities that may have issued the webhook's certificate, PEM in base64.</summary>
    public string? CaBundle { get; init; }
}

/// <summary>Reads webhook configurations.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WebhookConfiguration))]
internal sealed partial class WebhookJson : JsonSerializerContext;
