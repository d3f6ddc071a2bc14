using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Components.Bindings.Kubernetes;

/// <summary>An Event of Kubernetes, whole as the API server wrote it.</summary>
internal sealed class KubernetesEvent : IApiObject
{
    /// <summary>The kind.</summary>
    public static readonly ApiResource<KubernetesEvent> Resource = new("", "v1", "events", KubernetesEventJson.Default.KubernetesEvent);

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init; } = new();

    /// <summary>The object.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> Json { get; private init; }

    /// <summary>Reads an Event.</summary>
    public static KubernetesEvent Read(JsonElement json)
        => new()
        {
            Metadata = json.Deserialize(KubernetesEventJson.Default.KubernetesEvent)!.Metadata,
            Json = Encoding.UTF8.GetBytes(json.GetRawText()),
        };
}

/// <summary>Reads Events.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(KubernetesEvent))]
internal sealed partial class KubernetesEventJson : JsonSerializerContext;
