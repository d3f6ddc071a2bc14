namespace DaprK8s.Cluster.Node;

/// <summary>A container can't be started as its spec says; the reason is what its status shows.</summary>
internal sealed class ContainerConfigException(string reason, string message) : Exception(message)
{
    /// <summary>For example <c>CreateContainerConfigError</c>.</summary>
    public string Reason => reason;
}
