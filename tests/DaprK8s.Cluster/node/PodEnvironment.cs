using System.Net;
using DaprK8s.Cluster.Network;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;
using DaprK8s.KubernetesApi.Access;

namespace DaprK8s.Cluster.Node;

/// <summary>What pods run in: the cluster around them.</summary>
internal sealed record PodEnvironment(
    ClusterObjects Objects,
    Tokens Tokens,
    ClusterNetwork Network,
    ImageTable Images,
    StandInOptions Options,
    EventRecorder Events,
    string Directory,
    string MemoryDirectory,
    string AuthorityPem)
{
    public IPAddress Machine => Network.Gateway;

    /// <summary>A pod's own directory.</summary>
    public string DirectoryOf(string uid) => Path.Combine(Directory, "pods", uid);
}
