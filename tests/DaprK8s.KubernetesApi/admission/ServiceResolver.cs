using System.Collections.Concurrent;
using System.Net;

namespace DaprK8s.KubernetesApi.Admission;

/// <summary>
/// Where the API server reaches a Service, for the webhooks behind it. A test registers addresses; a stand-in for the cluster's
/// network sets <see cref="Resolve"/>.
/// </summary>
public sealed class ServiceResolver
{
    private readonly ConcurrentDictionary<(string Namespace, string Name, int Port), IPEndPoint> registered = new();

    internal ServiceResolver()
    {
    }

    /// <summary>Finds the endpoint of a Service that is not registered: namespace, name, port of the Service.</summary>
    public Func<string, string, int, IPEndPoint?>? Resolve { get; set; }

    /// <summary>Makes a Service reachable.</summary>
    public void Register(string @namespace, string name, int port, IPEndPoint endpoint) => registered[(@namespace, name, port)] = endpoint;

    /// <summary>Makes it unreachable again.</summary>
    public void Unregister(string @namespace, string name, int port) => registered.TryRemove((@namespace, name, port), out _);

    internal IPEndPoint? Find(string @namespace, string name, int port)
        => registered.TryGetValue((@namespace, name, port), out var endpoint) ? endpoint : Resolve?.Invoke(@namespace, name, port);
}
