using System.Net;

namespace DaprK8s.Cluster.Network;

/// <summary>The network namespace of a pod.</summary>
/// <param name="Name">Its name among the machine's network namespaces.</param>
/// <param name="Address">The pod's address.</param>
internal sealed record PodNetwork(string Name, IPAddress Address);
