using DaprK8s.Common.Resources;
using DaprK8s.Common.Text.Cel;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges Subscriptions of both versions.</summary>
internal static class SubscriptionRules
{
    /// <summary>Adds what is found in a subscription.</summary>
    public static void Check(Subscription subscription, string @namespace, IClusterResources cluster, Findings findings)
    {
        var spec = subscription.Spec;
        CheckPubSub(spec.Pubsubname, @namespace, cluster, findings);
        if (spec.Topic.Length == 0)
        {
            findings.Refuse("spec.topic", "must not be empty; name the topic to subscribe to");
        }
        else if (spec.DeadLetterTopic == spec.Topic)
        {
            findings.Warn("spec.deadLetterTopic", "is the subscribed topic itself, so a message that can't be delivered comes again and again");
        }

        if (subscription.ApiVersion == SubscriptionConversion.V1)
        {
            if (string.IsNullOrEmpty(spec.Route))
            {
                findings.Warn("spec.route", "is empty; give the path that messages go to, such as /orders");
            }
        }
        else
        {
            CheckRoutes(spec.Routes ?? new SubscriptionRoutes(), findings);
        }

        if (spec.BulkSubscribe is { Enabled: true } bulk && (bulk.MaxMessagesCount < 0 || bulk.MaxAwaitDurationMs < 0))
        {
            findings.Warn("spec.bulkSubscribe", "has a negative limit, so the default holds (100 messages, 1000 ms)");
        }
    }

    private static void CheckPubSub(string name, string @namespace, IClusterResources cluster, Findings findings)
    {
        const string path = "spec.pubsubname";
        if (name.Length == 0)
        {
            findings.Refuse(path, "must not be empty; name a pub/sub component");
        }
        else if (cluster.FindComponent(@namespace, name) is not { } component)
        {
            findings.Warn(path, $"there is no component \"{name}\" in namespace {@namespace} yet; the subscription begins when there is");
        }
        else if (!component.Spec.Type.StartsWith("pubsub.", StringComparison.Ordinal))
        {
            findings.Refuse(path, $"component \"{name}\" is a {component.Spec.Type}, not a pub/sub component; name a component of a type pubsub.*");
        }
    }

    private static void CheckRoutes(SubscriptionRoutes routes, Findings findings)
    {
        var rules = routes.Rules ?? [];
        if (rules.Count == 0 && string.IsNullOrEmpty(routes.Default))
        {
            findings.Warn("spec.routes", "has neither rules nor a default, so every message is dropped; give a default such as /orders");
        }

        foreach (var (index, rule) in rules.Index())
        {
            var path = $"spec.routes.rules[{index}]";
            if (string.IsNullOrEmpty(rule.Path))
            {
                findings.Refuse(path + ".path", "must not be empty; give the path that matching messages go to, such as /orders");
            }

            if (string.IsNullOrWhiteSpace(rule.Match))
            {
                if (index < rules.Count - 1)
                {
                    findings.Warn(path + ".match", "is empty and matches every message, so the rules after it are never tried");
                }
            }
            else
            {
                CheckMatch(rule.Match, path + ".match", findings);
            }
        }
    }

    private static void CheckMatch(string match, string path, Findings findings)
    {
        var syntax = CelSyntax.Check(match);
        if (syntax.Error is { } error)
        {
            findings.Refuse(path, $"is no CEL expression: {error}; write one such as event.type == \"order\"");
        }
        else if (syntax.Variables.FirstOrDefault(v => v != "event" && !IsTypeName(v)) is { } unknown)
        {
            findings.Warn(path, $"reads \"{unknown}\", which has no value; the message is \"event\", as in event.type == \"order\"");
        }
    }

    private static bool IsTypeName(string name)
        => name is "int" or "uint" or "double" or "bool" or "string" or "bytes" or "list" or "map" or "null_type" or "type" or "google";
}
