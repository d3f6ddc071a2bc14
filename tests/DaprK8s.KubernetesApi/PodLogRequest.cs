namespace DaprK8s.KubernetesApi;

/// <summary>What of a container's output is wanted.</summary>
/// <param name="Namespace">The pod's namespace.</param>
/// <param name="Pod">Its name.</param>
/// <param name="Container">The container; the only one, or the default one, when absent.</param>
/// <param name="Follow">What comes later too.</param>
/// <param name="Previous">The output of the container's last run.</param>
/// <param name="TailLines">Only so many of the last lines.</param>
/// <param name="Timestamps">With the time before each line.</param>
public sealed record PodLogRequest(string Namespace, string Pod, string? Container, bool Follow, bool Previous, int? TailLines, bool Timestamps);
