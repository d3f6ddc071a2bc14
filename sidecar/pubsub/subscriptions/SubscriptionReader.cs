using DaprK8s.Common.Resources;
using DaprK8s.Components;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Checks a subscription as a resource or the app wrote it. What can't be delivered as it was meant is refused with one log
/// line that names the subscription, and never delivered otherwise.
/// </summary>
internal sealed class SubscriptionReader(IRouteMatchers matchers, ILogger logger)
{
    /// <summary>Reads a specification, or refuses it.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="name">What to call it in the log.</param>
    /// <param name="pathWithoutRoutes">The path of a subscription that names no route; without one it is refused.</param>
    public SubscriptionDefinition? Read(SubscriptionSpec spec, SubscriptionOrigin origin, string name, string? pathWithoutRoutes)
    {
        if (string.IsNullOrEmpty(spec.Pubsubname) || string.IsNullOrEmpty(spec.Topic))
        {
            return Refuse(name, "it names no pubsub or no topic");
        }

        if (spec.BulkSubscribe is { Enabled: true })
        {
            return Refuse(name, "bulk delivery is not supported by this sidecar");
        }

        // A JSON null is possible where the type says otherwise.
        IReadOnlyDictionary<string, string> metadata = spec.Metadata is { Count: > 0 } own
            ? own.ToDictionary(item => item.Key, item => item.Value ?? "")
            : EmptyMetadata.Instance;
        if (!MetadataLookup.TryReadRawPayload(metadata, out var raw, out var problem))
        {
            return Refuse(name, problem);
        }

        List<RouteRule> rules = [];
        foreach (var rule in spec.Routes?.Rules ?? [])
        {
            try
            {
                var matcher = string.IsNullOrWhiteSpace(rule.Match) ? null : matchers.Compile(rule.Match);
                rules.Add(new RouteRule(rule.Match ?? "", rule.Path ?? "", matcher));
            }
            catch (RouteMatchException e)
            {
                return Refuse(name, $"rule {rules.Count + 1} (match \"{rule.Match}\", path \"{rule.Path}\"): {e.Message}");
            }
        }

        var last = spec.Routes?.Default is { Length: > 0 } byDefault ? byDefault : spec.Route is { Length: > 0 } route ? route : null;
        if ((last ?? (rules.Count == 0 ? pathWithoutRoutes : null)) is { } path)
        {
            rules.Add(new RouteRule("", path));
        }

        if (rules.Count == 0)
        {
            logger.LogWarning("{Subscription} has no route and is left out", name);
            return null;
        }

        return new SubscriptionDefinition(spec.Pubsubname, spec.Topic, origin, rules)
        {
            Metadata = metadata,
            DeadLetterTopic = spec.DeadLetterTopic ?? "",
            IsRaw = raw,
        };
    }

    private SubscriptionDefinition? Refuse(string name, string problem)
    {
        logger.LogError("{Subscription} is not subscribed: {Problem}", name, problem);
        return null;
    }
}
