using System.Collections.Frozen;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>
/// Which topics of one component this app may publish to and subscribe to, parsed once a component (contract: messaging 1.10,
/// security 4.8). Topics are compared as the app writes them, before any namespace prefix.
/// </summary>
internal sealed class TopicScopes
{
    /// <summary>Nothing is restricted.</summary>
    public static readonly TopicScopes Open = new(null, null, null, null);

    private readonly FrozenSet<string>? allowed;
    private readonly FrozenSet<string>? guarded;
    private readonly FrozenSet<string>? publishing;
    private readonly FrozenSet<string>? subscribing;

    private TopicScopes(FrozenSet<string>? allowed, FrozenSet<string>? guarded, FrozenSet<string>? publishing, FrozenSet<string>? subscribing)
        => (this.allowed, this.guarded, this.publishing, this.subscribing) = (allowed, guarded, publishing, subscribing);

    /// <summary>Reads the four settings of a component's metadata.</summary>
    /// <param name="metadata">The component's metadata, values resolved.</param>
    /// <param name="appId">The app, compared exactly.</param>
    public static TopicScopes Parse(IEnumerable<KeyValuePair<string, string>> metadata, string appId)
    {
        FrozenSet<string>? allowed = null, guarded = null, publishing = null, subscribing = null;
        foreach (var (name, value) in metadata)
        {
            var text = value.Replace(" ", "", StringComparison.Ordinal);
            if (text.Length == 0)
            {
                continue;
            }

            switch (name.ToLowerInvariant())
            {
                case "allowedtopics":
                    allowed = text.Split(',').ToFrozenSet(StringComparer.Ordinal);
                    break;
                case "protectedtopics":
                    guarded = text.Split(',').ToFrozenSet(StringComparer.Ordinal);
                    break;
                case "publishingscopes":
                    publishing = ListOf(text, appId);
                    break;
                case "subscriptionscopes":
                    subscribing = ListOf(text, appId);
                    break;
                default:
                    break;
            }
        }

        return (allowed ?? guarded ?? publishing ?? subscribing) is null ? Open : new TopicScopes(allowed, guarded, publishing, subscribing);
    }

    public bool MayPublish(string topic) => IsAllowed(topic, publishing);

    public bool MaySubscribe(string topic) => IsAllowed(topic, subscribing);

    private bool IsAllowed(string topic, FrozenSet<string>? own)
    {
        if (allowed is not null && !allowed.Contains(topic))
        {
            return false;
        }

        var isProtected = guarded is not null && guarded.Contains(topic);
        return !isProtected && own is null || own is not null && own.Contains(topic);
    }

    // "app=" is a list with one empty name, which no topic has: it denies everything.
    private static FrozenSet<string>? ListOf(string scopes, string appId)
    {
        HashSet<string>? topics = null;
        foreach (var entry in scopes.Split(';'))
        {
            var equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals >= 0 && entry.AsSpan(0, equals).SequenceEqual(appId))
            {
                (topics ??= new(StringComparer.Ordinal)).UnionWith(entry[(equals + 1)..].Split(','));
            }
        }

        return topics?.ToFrozenSet(StringComparer.Ordinal);
    }
}
