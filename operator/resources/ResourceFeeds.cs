using System.Collections.Frozen;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Resources;

/// <summary>All kinds that sidecars are served, and the Secrets that they refer to.</summary>
internal sealed class ResourceFeeds
{
    private readonly FrozenDictionary<string, ResourceFeed> feeds;

    public ResourceFeeds(KubernetesClient client, string? @namespace, ILogger logger, TimeProvider time)
    {
        feeds = ResourceKind.All.ToFrozenDictionary(k => k.Name, k => new ResourceFeed(client, k, @namespace, logger, time));
        Secrets = new SecretSource(client, @namespace, logger, time)
        {
            Changed = (ns, name) =>
            {
                foreach (var feed in feeds.Values)
                {
                    feed.SecretChanged(ns, name);
                }
            },
        };
    }

    /// <summary>The Secrets.</summary>
    public SecretSource Secrets { get; }

    /// <summary>All of them.</summary>
    public IEnumerable<ResourceFeed> All => feeds.Values;

    /// <summary>Whether all have been listed.</summary>
    public bool HaveSynced => feeds.Values.All(f => f.HasSynced);

    /// <summary>One of them.</summary>
    public ResourceFeed this[ResourceKind kind] => feeds[kind.Name];

    /// <summary>Starts to follow the API server.</summary>
    public void Start(Loops loops)
    {
        foreach (var feed in feeds.Values)
        {
            loops.Start(feed.RunAsync);
        }

        loops.Start(Secrets.RunAsync);
    }
}
