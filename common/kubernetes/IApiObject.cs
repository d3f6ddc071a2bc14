using DaprK8s.Common.Resources;

namespace DaprK8s.Common.Kubernetes;

/// <summary>An object of the API server, as far as an informer must know it.</summary>
public interface IApiObject
{
    /// <summary>Name, namespace and version.</summary>
    ObjectMeta Metadata { get; }
}

/// <summary>An object's metadata alone; what a watch of many large objects should carry.</summary>
public sealed class PartialObject : IApiObject
{
    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init; } = new();
}
