using System.Collections.Concurrent;
using DaprK8s.Components;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Reload;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>A component as the metadata API shows it.</summary>
internal sealed record ComponentInfo(string Name, string Type, string Version, IReadOnlyList<string> Capabilities);

/// <summary>What the metadata API of both surfaces tells (contract: operations 6.8).</summary>
internal sealed class SidecarMetadata(
    SidecarInfo self, AppOptions app, ComponentRegistry registry, ResourceStatuses statuses, ExternalTargets endpoints, Live<IReadOnlyList<string>> features, Live<IReadOnlyList<string>> resiliencies)
{
    private readonly ConcurrentDictionary<string, string> extended = new(StringComparer.Ordinal) { ["daprRuntimeVersion"] = SidecarInfo.Version };

    public string Id => self.AppId;

    public AppOptions App => app;

    public IReadOnlyList<string> EnabledFeatures => features.Value;

    public IReadOnlyList<string> Resiliencies => resiliencies.Value;

    /// <summary>
    /// What clients have set, and, for each resource that can't be used as it is, an entry <c>kind/name</c> that says why. Components
    /// whose errors are to be ignored are left out.
    /// </summary>
    public IReadOnlyDictionary<string, string> Extended
    {
        get
        {
            var all = extended.ToDictionary(StringComparer.Ordinal);
            foreach (var status in statuses.All.Values.Where(IsShown))
            {
                all[$"{status.Kind}/{status.Name}"] = $"{status.State}: {status.Message}";
            }

            return all;
        }
    }

    public IEnumerable<string> HttpEndpoints => endpoints.Names.Order(StringComparer.Ordinal);

    /// <summary>The components that serve.</summary>
    public IEnumerable<ComponentInfo> Components
        => registry.All.Where(h => h.Status == ComponentStatus.Ready)
            .Select(h => new ComponentInfo(h.Name, h.Type, h.Resource.Spec.Version, Capabilities(h.Instance)));

    /// <summary>Sets an entry of <c>extended</c>; an empty key does nothing.</summary>
    public void Set(string key, string value)
    {
        if (key.Length > 0)
        {
            extended[key] = value;
        }
    }

    private static bool IsShown(ResourceStatus status)
        => status.HoldsBack || status.State == ResourceState.Degraded || (status.State == ResourceState.Failed && status.Kind != ResourceKinds.Component);

    private static IReadOnlyList<string> Capabilities(IComponent? component)
        => component switch
        {
            IStateStore store => Capabilities(store.Features),
            IPubSub broker => Capabilities(broker.Features),
            ISecretStore { HasMultipleValuesPerSecret: true } => ["MULTIPLE_KEY_VALUES_PER_SECRET"],
            _ => [],
        };

    private static List<string> Capabilities(StateFeatures features)
    {
        List<string> names = [];
        Add(StateFeatures.ETag, "ETAG");
        Add(StateFeatures.Transactional, "TRANSACTIONAL");
        Add(StateFeatures.Query, "QUERY_API");
        Add(StateFeatures.Ttl, "TTL");
        Add(StateFeatures.DeleteWithPrefix, "DELETE_WITH_PREFIX");
        Add(StateFeatures.PartitionKey, "PARTITION_KEY");
        Add(StateFeatures.KeyListing, "KEYS_LIKE");
        Add(StateFeatures.ETag | StateFeatures.Transactional, "ACTOR");
        return names;

        void Add(StateFeatures flag, string name)
        {
            if ((features & flag) == flag)
            {
                names.Add(name);
            }
        }
    }

    private static List<string> Capabilities(PubSubFeatures features)
    {
        List<string> names = [];
        foreach (var (flag, name) in new[]
        {
            (PubSubFeatures.MessageTtl, "MESSAGE_TTL"), (PubSubFeatures.SubscribeWildcards, "SUBSCRIBE_WILDCARDS"),
            (PubSubFeatures.Bulk, "BULK_PUBSUB"), (PubSubFeatures.BulkSubscribeImmediate, "BULK_SUBSCRIBE_IMMEDIATE"),
        })
        {
            if (features.HasFlag(flag))
            {
                names.Add(name);
            }
        }

        return names;
    }
}
