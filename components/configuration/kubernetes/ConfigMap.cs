using System.Text.Json.Serialization;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Components.Configuration.Kubernetes;

/// <summary>A ConfigMap.</summary>
internal sealed class ConfigMap : IApiObject
{
    /// <summary>The kind.</summary>
    public static readonly ApiResource<ConfigMap> Resource = new("", "v1", "configmaps", ConfigMapJson.Default.ConfigMap);

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init; } = new();

    public Dictionary<string, string>? Data { get; init; }

    /// <summary>Values in base64.</summary>
    public Dictionary<string, string>? BinaryData { get; init; }
}

/// <summary>Reads ConfigMaps.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ConfigMap))]
internal sealed partial class ConfigMapJson : JsonSerializerContext;
