using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Every subscription that is known, whether or not it runs, and which one counts where two name the same component and
/// topic (contract: messaging 2.5). Readers take an immutable list.
/// </summary>
internal sealed class SubscriptionCatalog(SubscriptionReader reader, SidecarInfo self)
{
    private readonly Lock gate = new();
    private IReadOnlyList<SubscriptionDefinition> declarative = [];
    private List<(string Digest, SubscriptionDefinition? Definition)> read = [];
    private IReadOnlyList<SubscriptionDefinition> programmatic = [];
    private readonly List<SubscriptionDefinition> streaming = [];

    /// <summary>The subscriptions delivered to the app's port, in the order of the metadata API.</summary>
    public IReadOnlyList<SubscriptionDefinition> ForApp { get; private set; } = [];

    /// <summary>All subscriptions, for the metadata API: those of the app, then the open streams.</summary>
    public IReadOnlyList<SubscriptionDefinition> List()
    {
        lock (gate)
        {
            return [.. ForApp, .. streaming];
        }
    }

    /// <summary>
    /// Takes the Subscription resources in load order; those of other apps are left out. One that says what it said before keeps its
    /// definition, so that it goes on running.
    /// </summary>
    /// <returns>Those of this app, and whether each can be used.</returns>
    public IReadOnlyList<(Subscription Resource, bool IsUsable)> LoadDeclarative(IEnumerable<Subscription> resources)
    {
        lock (gate)
        {
            var before = read;
            var mine = resources.Where(r => r.IsInScope(self.AppId)).ToList();
            read = mine.ConvertAll(r => Read(r, before));
            declarative = [.. read.Select(r => r.Definition).OfType<SubscriptionDefinition>()];
            Settle();
            return [.. mine.Zip(read, (resource, r) => (resource, r.Definition is not null))];
        }
    }

    /// <summary>Takes what the app answered.</summary>
    public void SetProgrammatic(IReadOnlyList<SubscriptionDefinition> definitions)
    {
        lock (gate)
        {
            programmatic = definitions;
            Settle();
        }
    }

    public void AddStream(SubscriptionDefinition stream)
    {
        lock (gate)
        {
            streaming.Add(stream);
        }
    }

    public void RemoveStream(SubscriptionDefinition stream)
    {
        lock (gate)
        {
            streaming.RemoveAll(s => ReferenceEquals(s, stream));
        }
    }

    private (string Digest, SubscriptionDefinition? Definition) Read(
        Subscription resource, List<(string Digest, SubscriptionDefinition? Definition)> before)
    {
        var digest = ResourceContent.DigestOf(resource);
        var known = before.FindIndex(r => r.Digest == digest);
        if (known >= 0)
        {
            var same = before[known];
            before.RemoveAt(known);
            return same;
        }

        var name = resource.Source.Length > 0 ? $"Subscription {resource.Name} ({resource.Source})" : $"Subscription {resource.Name}";
        return (digest, reader.Read(resource.Spec, SubscriptionOrigin.Declarative, name, null));
    }

    // The first of two declarative ones counts, the last of two programmatic ones, and a programmatic one takes a
    // declarative one's place.
    private void Settle()
    {
        var list = new List<SubscriptionDefinition>();
        var places = new Dictionary<(string PubSub, string Topic), int>();
        foreach (var definition in declarative)
        {
            if (places.TryAdd((definition.PubSub, definition.Topic), list.Count))
            {
                list.Add(definition);
            }
        }

        foreach (var definition in programmatic)
        {
            if (places.TryGetValue((definition.PubSub, definition.Topic), out var place))
            {
                list[place] = definition;
            }
            else
            {
                places.Add((definition.PubSub, definition.Topic), list.Count);
                list.Add(definition);
            }
        }

        ForApp = list;
    }
}
