using System.Collections.Immutable;
using System.Net;

namespace DaprK8s.Cluster.Network;

/// <summary>The Services of the cluster and what stands behind them now: what the name server and the proxy go by.</summary>
internal sealed class ServiceTable
{
    private volatile ImmutableDictionary<(string Namespace, string Name), ServiceEntry> entries
        = ImmutableDictionary<(string, string), ServiceEntry>.Empty;

    /// <summary>A consistent moment.</summary>
    public ImmutableDictionary<(string Namespace, string Name), ServiceEntry> Entries => entries;

    public void Replace(ImmutableDictionary<(string Namespace, string Name), ServiceEntry> next) => entries = next;
}

/// <summary>One Service.</summary>
/// <param name="ClusterAddress">Its own address; nothing for a headless one.</param>
/// <param name="Pods">The pods that may be called.</param>
/// <param name="Ports">Its ports.</param>
internal sealed record ServiceEntry(IPAddress? ClusterAddress, ImmutableArray<ServicePod> Pods, ImmutableArray<ServicePort> Ports);

/// <summary>A pod behind a Service.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Hostname">Its name below the Service's, as pods of a StatefulSet have one.</param>
internal sealed record ServicePod(IPAddress Address, string? Hostname);

/// <summary>A port of a Service.</summary>
/// <param name="Port">The port at the Service's address.</param>
/// <param name="Targets">Where its connections go.</param>
internal sealed record ServicePort(int Port, ImmutableArray<IPEndPoint> Targets);
