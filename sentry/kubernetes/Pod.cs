using System.Text.Json.Serialization;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>What sentry reads of a pod.</summary>
internal sealed class Pod
{
    public ObjectMeta Metadata { get; init; } = new();

    public PodSpec? Spec { get; init; }

    public PodStatus? Status { get; init; }
}

/// <summary>Which account it runs under, and its containers.</summary>
internal sealed class PodSpec
{
    public string? ServiceAccountName { get; init; }

    public List<PodContainer>? InitContainers { get; init; }

    public List<PodContainer>? Containers { get; init; }
}

/// <summary>A container as it was asked for.</summary>
internal sealed class PodContainer
{
    public string Name { get; init; } = "";

    public string? Image { get; init; }

    public string? RestartPolicy { get; init; }
}

/// <summary>The containers as they run.</summary>
internal sealed class PodStatus
{
    public List<PodContainerStatus>? InitContainerStatuses { get; init; }

    public List<PodContainerStatus>? ContainerStatuses { get; init; }
}

/// <summary>A container as it runs.</summary>
internal sealed class PodContainerStatus
{
    public string Name { get; init; } = "";

    [JsonPropertyName("imageID")]
    public string? ImageId { get; init; }
}

/// <summary>A pod of the informer's copy: no more than tells that it is another one than before.</summary>
internal sealed class WatchedPod : IApiObject
{
    public ObjectMeta Metadata { get; init; } = new();
}

/// <summary>The trust domain of a Configuration, and nothing else of it: every Configuration of the cluster is kept.</summary>
internal sealed class WatchedConfiguration : IApiObject
{
    public ObjectMeta Metadata { get; init; } = new();

    public WatchedConfigurationSpec? Spec { get; init; }
}

internal sealed class WatchedConfigurationSpec
{
    public WatchedAccessControl? AccessControl { get; init; }
}

internal sealed class WatchedAccessControl
{
    public string? TrustDomain { get; init; }
}

/// <summary>The kinds of this folder.</summary>
internal static class SentryResources
{
    public static ApiResource<Pod> Pods { get; } = new("", "v1", "pods", SentryJson.Default.Pod);

    public static ApiResource<WatchedPod> WatchedPods { get; } = new("", "v1", "pods", SentryJson.Default.WatchedPod);

    public static ApiResource<WatchedConfiguration> Configurations { get; }
        = DaprResources.Of("v1alpha1", "configurations", SentryJson.Default.WatchedConfiguration);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(WatchedPod))]
[JsonSerializable(typeof(WatchedConfiguration))]
internal sealed partial class SentryJson : JsonSerializerContext;
