using System.Net;

namespace DaprK8s.Cluster.Network;

/// <summary>How a pod finds the name server: its <c>resolv.conf</c>.</summary>
internal sealed class NameServerFile(IPAddress address, string @namespace)
{
    public string Text => $"""
        search {@namespace}.svc.cluster.local svc.cluster.local cluster.local
        nameserver {address}
        options ndots:5

        """;
}
