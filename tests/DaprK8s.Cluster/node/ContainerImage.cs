namespace DaprK8s.Cluster.Node;

/// <summary>What a container image holds.</summary>
/// <param name="Files">Files at the root, by their path in the container.</param>
/// <param name="HasTools">All of the machine's <c>/usr</c> is in it; otherwise only libraries.</param>
/// <param name="Command">What runs when the pod names no command.</param>
/// <param name="User">The user id.</param>
internal sealed record ContainerImage(IReadOnlyDictionary<string, string> Files, bool HasTools, IReadOnlyList<string> Command, int User);
