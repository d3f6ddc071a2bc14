using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Resources;
using DaprK8s.Operator.Validation;

namespace DaprK8s.Operator.Webhooks;

/// <summary>What validation looks up besides the resource that is applied: the caches that sidecars are served from.</summary>
internal sealed class ClusterResources(ResourceFeeds feeds) : IClusterResources
{
    /// <inheritdoc/>
    public Component? FindComponent(string @namespace, string name)
        => feeds[ResourceKind.Component].Find(@namespace, name) is { } found ? Read(found, DaprResources.Components) : null;

    /// <inheritdoc/>
    public IEnumerable<Resiliency> ResilienciesOf(string @namespace)
        => feeds[ResourceKind.Resiliency].In(@namespace).Select(r => Read(r, DaprResources.Resiliencies)).OfType<Resiliency>();

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyCollection<string>?> FindSecretKeysAsync(string @namespace, string name, CancellationToken cancellationToken)
    {
        try
        {
            return [.. (await feeds.Secrets.GetAsync(@namespace, name, cancellationToken)).Data.Keys];
        }
        catch (SecretException e) when (e.IsMissing)
        {
            return null;
        }
    }

    // What was stored before there was validation may not fit its kind.
    private static T? Read<T>(WatchedResource resource, ApiResource<T> kind)
        where T : Resource
    {
        try
        {
            return SidecarDocument.Read(resource.Json, kind.Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
