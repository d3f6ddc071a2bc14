using System.Text.Json;

namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>
/// Reads rules from Sentinel's JSON. What this middleware can't do is refused rather than left out, since a rule without effect
/// looks like protection.
/// </summary>
internal static class SentinelRuleReader
{
    /// <summary>Rules of flow: a resource and its rule each.</summary>
    public static IEnumerable<(string Resource, SentinelRule Rule)> Flow(string json)
        => Read(json, rule =>
        {
            Supports(rule, "tokenCalculateStrategy", 0, "only the strategy 0 (direct) is supported");
            Supports(rule, "relationStrategy", 0, "only the strategy 0 (the resource itself) is supported");
            var (threshold, interval) = (Number(rule, "threshold"), Whole(rule, "statIntervalInMs", 1000));
            return Whole(rule, "controlBehavior") switch
            {
                0 => (Resource(rule), (SentinelRule)new RateRule(threshold, interval)),
                1 => (Resource(rule), new PaceRule(threshold, interval, Whole(rule, "maxQueueingTimeMs"))),
                _ => throw new FormatException("'controlBehavior' is 0 (reject) or 1 (throttle)"),
            };
        });

    /// <summary>Rules of isolation.</summary>
    public static IEnumerable<(string Resource, SentinelRule Rule)> Isolation(string json)
        => Read(json, rule =>
        {
            Supports(rule, "metricType", 0, "only the metric 0 (concurrency) exists");
            return (Resource(rule), (SentinelRule)new ConcurrencyRule(Number(rule, "threshold")));
        });

    /// <summary>Rules of circuit breaking.</summary>
    public static IEnumerable<(string Resource, SentinelRule Rule)> CircuitBreaker(string json)
        => Read(json, rule =>
        {
            var strategy = Whole(rule, "strategy");
            var threshold = Number(rule, "threshold");
            if (strategy > (long)BreakerStrategy.ErrorCount)
            {
                throw new FormatException("'strategy' is 0 (slow request ratio), 1 (error ratio) or 2 (error count)");
            }

            if (strategy != (long)BreakerStrategy.ErrorCount && threshold > 1)
            {
                throw new FormatException("'threshold' of a ratio is at most 1");
            }

            return (Resource(rule), (SentinelRule)new CircuitBreakerRule(
                (BreakerStrategy)strategy, threshold, Whole(rule, "minRequestAmount"), Whole(rule, "statIntervalMs", 1000),
                Whole(rule, "retryTimeoutMs"), Whole(rule, "maxAllowedRtMs")));
        });

    /// <summary>Rules over all requests together.</summary>
    public static IEnumerable<(string Resource, SentinelRule Rule)> OfSystem(string json)
        => Read(json, rule =>
        {
            var trigger = Number(rule, "triggerCount");
            return ("", Whole(rule, "metricType") switch
            {
                1 => (SentinelRule)new ResponseTimeRule(trigger),
                2 => new ConcurrencyRule(trigger),
                3 => new RateRule(trigger, 1000),
                _ => throw new FormatException("'metricType' is 1 (average response time), 2 (concurrency) or 3 (requests per second); load (0) and CPU usage (4) are not supported"),
            });
        });

    /// <summary>Rules for parameters of a call, which an HTTP request does not have.</summary>
    public static IEnumerable<(string Resource, SentinelRule Rule)> HotSpot(string json)
        => Read(json, (Func<JsonElement, (string, SentinelRule)>)(_ => throw new FormatException("hot-spot rules are not supported: an HTTP request has no parameters for them")));

    private static List<(string Resource, SentinelRule Rule)> Read(string json, Func<JsonElement, (string, SentinelRule)> rule)
    {
        if (json.Trim().Length == 0)
        {
            return [];
        }

        using var document = JsonDocument.Parse(json);
        return document.RootElement.ValueKind == JsonValueKind.Array
            ? [.. document.RootElement.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Object ? rule(e) : throw new FormatException("a rule is an object"))]
            : throw new FormatException("rules are a list");
    }

    private static string Resource(JsonElement rule)
        => rule.TryGetProperty("resource", out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } resource
            ? resource
            : throw new FormatException("'resource' is missing");

    private static void Supports(JsonElement rule, string name, long only, string text)
    {
        if (Whole(rule, name) != only)
        {
            throw new FormatException($"'{name}': {text}");
        }
    }

    // Absent or zero means the default, as in Sentinel.
    private static long Whole(JsonElement rule, string name, long @default = 0)
    {
        if (!rule.TryGetProperty(name, out var value))
        {
            return @default;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetUInt32(out var number) ? (number == 0 ? @default : number)
            : throw new FormatException($"'{name}' is no whole number from 0 up");
    }

    private static double Number(JsonElement rule, string name)
    {
        if (!rule.TryGetProperty(name, out var value))
        {
            return 0;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= 0 ? number
            : throw new FormatException($"'{name}' is no number from 0 up");
    }
}
