using System.Runtime.CompilerServices;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>What the runtime itself reads from a pub/sub component's metadata (contract: messaging 1.9).</summary>
/// <param name="Scopes">Who may use which topic.</param>
/// <param name="TopicPrefix">The bare namespace, put in front of topics towards the broker; usually empty.</param>
internal sealed record PubSubSettings(TopicScopes Scopes, string TopicPrefix)
{
    private const string NamespacePlaceholder = "{namespace}";

    /// <summary>The topic as the broker knows it.</summary>
    public string ToBroker(string topic) => TopicPrefix.Length == 0 ? topic : TopicPrefix + topic;

    /// <summary>The topic of a delivered message as the app knows it: without the first occurrence of the namespace.</summary>
    public string FromBroker(string topic)
        => TopicPrefix.Length > 0 && topic.IndexOf(TopicPrefix, StringComparison.Ordinal) is >= 0 and var at
            ? topic.Remove(at, TopicPrefix.Length)
            : topic;

    public static PubSubSettings Of(ComponentHandle component, SidecarInfo self)
    {
        var prefix = "";
        var written = new List<KeyValuePair<string, string>>();
        foreach (var item in component.Resource.Spec.Metadata ?? [])
        {
            var value = item.Value ?? "";
            written.Add(new(item.Name, value));
            if (value.Contains(NamespacePlaceholder, StringComparison.Ordinal))
            {
                prefix = self.Namespace;
            }
        }

        return new PubSubSettings(TopicScopes.Parse(component.Metadata?.Items ?? (IEnumerable<KeyValuePair<string, string>>)written, self.AppId), prefix);
    }
}

/// <summary>Keeps the settings of each component, read once, for as long as the component lives.</summary>
internal sealed class PubSubSettingsCache(SidecarInfo self)
{
    private readonly ConditionalWeakTable<ComponentHandle, PubSubSettings> settings = [];

    /// <summary>The settings of a component that is ready (its metadata is resolved then).</summary>
    public PubSubSettings Of(ComponentHandle component)
        => settings.TryGetValue(component, out var known) ? known : settings.GetValue(component, c => PubSubSettings.Of(c, self));
}
