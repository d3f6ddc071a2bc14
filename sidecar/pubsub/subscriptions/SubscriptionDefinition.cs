using DaprK8s.Components;
using DaprK8s.Sidecar.PubSub.CloudEvents;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>Where a subscription comes from.</summary>
internal enum SubscriptionOrigin
{
    Declarative,
    Programmatic,
    Streaming,
}

/// <summary>A routing rule; one without a matcher takes every event.</summary>
/// <param name="Match">The expression as written.</param>
/// <param name="Path">Where the event goes in the app.</param>
/// <param name="Matcher">The compiled expression, or <see langword="null"/> for a blank one.</param>
internal sealed record RouteRule(string Match, string Path, IRouteMatcher? Matcher = null);

/// <summary>A subscription as it was asked for, checked and compiled. Immutable.</summary>
/// <param name="PubSub">The component.</param>
/// <param name="Topic">The topic as written.</param>
/// <param name="Origin">Where it comes from.</param>
/// <param name="Rules">At least one; the first that matches decides.</param>
internal sealed record SubscriptionDefinition(string PubSub, string Topic, SubscriptionOrigin Origin, IReadOnlyList<RouteRule> Rules)
{
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;

    /// <summary>Where undeliverable messages go; empty for nowhere.</summary>
    public string DeadLetterTopic { get; init; } = "";

    /// <summary>Messages are opaque bytes.</summary>
    public bool IsRaw { get; init; }

    /// <summary>The origin's name in the metadata API.</summary>
    public string TypeName
        => Origin switch
        {
            SubscriptionOrigin.Declarative => "DECLARATIVE",
            SubscriptionOrigin.Programmatic => "PROGRAMMATIC",
            _ => "STREAMING",
        };

    /// <summary>The path of the first rule that takes the event, or <see langword="null"/> when none does.</summary>
    /// <exception cref="RouteMatchException">A rule before it can't be evaluated.</exception>
    public string? Route(CloudEvent cloudEvent)
    {
        for (var i = 0; i < Rules.Count; i++)
        {
            if (Rules[i].Matcher is not { } matcher || matcher.Matches(cloudEvent))
            {
                return Rules[i].Path;
            }
        }

        return null;
    }
}
