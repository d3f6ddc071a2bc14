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

    /// <summary>Token reviews; only created.</summary>
    public static ApiResource<JsonObject> TokenReviews { get; } = new("authentication.k8s.io", "v1", "tokenreviews", ApiJson.Default.JsonObject);

    /// <summary>A kind of the core of which only the metadata matter.</summary>
    public static ApiResource<PartialObject> MetadataOf(string plural) => new("", "v1", plural, ApiJson.Default.PartialObject);
}

/// <summary>Reads and writes what is not a <c>dapr.io</c> resource.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(PartialObject))]
internal sealed partial class ApiJson : JsonSerializerContext;
