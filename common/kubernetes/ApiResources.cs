using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace DaprK8s.Common.Kubernetes;

/// <summary>The kinds of Kubernetes itself that several services use. They are read whole, so that an update leaves what it doesn't know as it was.</summary>
public static class ApiResources
{
    /// <summary>Secrets, whole.</summary>
    public static ApiResource<JsonObject> Secrets { get; } = new("", "v1", "secrets", ApiJson.Default.JsonObject);

    /// <summary>ConfigMaps, whole.</summary>
    public static ApiResource<JsonObject> ConfigMaps { get; } = new("", "v1", "configmaps", ApiJson.Default.JsonObject);

    /// <summary>Events, whole.</summary>
    public static ApiResource<JsonObject> Events { get; } = new("", "v1", "events", ApiJson.Default.JsonObject);

    /// <summary>Leases, whole.</summary>
    public static ApiResource<JsonObject> Leases { get; } = new("coordination.k8s.io", "v1", "leases", ApiJson.Default.JsonObject);

    /// <summary>Services, whole.</summary>
    public static ApiResource<JsonObject> Services { get; } = new("", "v1", "services", ApiJson.Default.JsonObject);

    /// <summary>Definitions of custom resources, whole.</summary>
    public static ApiResource<JsonObject> CustomResourceDefinitions { get; }
        = new("apiextensions.k8s.io", "v1", "customresourcedefinitions", ApiJson.Default.JsonObject);

    /// <summary>Mutating webhooks, whole.</summary>
    public static ApiResource<JsonObject> MutatingWebhookConfigurations { get; }
        = new("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", ApiJson.Default.JsonObject);

    /// <summary>Validating webhooks, whole.</summary>
    public static ApiResource<JsonObject> ValidatingWebhookConfigurations { get; }
        = new("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", ApiJson.Default.JsonObject);

    /// <summary>A kind, whole.</summary>
    public static ApiResource<JsonObject> Of(string group, string version, string plural) => new(group, version, plural, ApiJson.Default.JsonObject);

    /// <summary>Token reviews; only created.</summary>
    public static ApiResource<JsonObject> TokenReviews { get; } = new("authentication.k8s.io", "v1", "tokenreviews", ApiJson.Default.JsonObject);

    /// <summary>A kind of the core of which only the metadata matter.</summary>
    public static ApiResource<PartialObject> MetadataOf(string plural) => MetadataOf("", "v1", plural);

    /// <summary>A kind of which only the metadata matter.</summary>
    public static ApiResource<PartialObject> MetadataOf(string group, string version, string plural) => new(group, version, plural, ApiJson.Default.PartialObject);
}

/// <summary>Reads and writes what is not a <c>dapr.io</c> resource.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(PartialObject))]
internal sealed partial class ApiJson : JsonSerializerContext;
