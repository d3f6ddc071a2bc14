using System.Globalization;
using DaprK8s.Common.Text;
using DaprK8s.Common.Text.Cel;

namespace DaprK8s.Common.Resources;

/// <summary>Reads the policies of a Resiliency (contract: messaging 8.1, 8.2). What is wrong is told of with the field and how to put it right.</summary>
public static class ResiliencyReader
{
    private const int MinHttpCode = 100;
    private const int MaxHttpCode = 599;
    private const int MaxGrpcCode = 16;

    private static readonly string[] TripVariables =
        ["requests", "totalSuccesses", "totalFailures", "consecutiveSuccesses", "consecutiveFailures"];

    private static readonly string[] BreakerScopes = ["type", "id", "both"];

    /// <summary>Reads all policies that are right, and adds a problem for each that is not.</summary>
    public static ResiliencyDefinitions Read(Resiliency resource, List<ResourceProblem> problems)
    {
        var policies = resource.Spec.Policies;
        var result = new ResiliencyDefinitions();
        foreach (var (name, text) in policies.Timeouts ?? [])
        {
            if (Duration(text, $"spec.policies.timeouts.{name}", TimeSpan.Zero, problems) is { } timeout)
            {
                result.Timeouts[name] = timeout;
            }
        }

        foreach (var (name, policy) in policies.Retries ?? [])
        {
            if (Retry(policy, $"spec.policies.retries.{name}", problems) is { } retry)
            {
                result.Retries[name] = retry;
            }
        }

        foreach (var (name, policy) in policies.CircuitBreakers ?? [])
        {
            if (Breaker(policy, $"spec.policies.circuitBreakers.{name}", problems) is { } breaker)
            {
                result.CircuitBreakers[name] = breaker;
            }
        }

        CheckActors(resource.Spec.Targets.Actors ?? [], problems);
        return result;
    }

    /// <summary>Every policy that a target names: where, which sort (<c>timeouts</c>, <c>retries</c>, <c>circuitBreakers</c>), and its name.</summary>
    public static IEnumerable<(string Path, string Sort, string Name)> References(Resiliency resource)
    {
        var targets = resource.Spec.Targets;
        return (targets.Apps ?? []).SelectMany(t => Of($"spec.targets.apps.{t.Key}", t.Value.Timeout, t.Value.Retry, t.Value.CircuitBreaker))
            .Concat((targets.Actors ?? []).SelectMany(t => Of($"spec.targets.actors.{t.Key}", t.Value.Timeout, t.Value.Retry, t.Value.CircuitBreaker)))
            .Concat((targets.Components ?? []).SelectMany(t =>
                OfDirection($"spec.targets.components.{t.Key}.inbound", t.Value.Inbound)
                    .Concat(OfDirection($"spec.targets.components.{t.Key}.outbound", t.Value.Outbound))));

        static IEnumerable<(string, string, string)> Of(string path, string? timeout, string? retry, string? breaker)
            => new[] { (path + ".timeout", "timeouts", timeout), (path + ".retry", "retries", retry), (path + ".circuitBreaker", "circuitBreakers", breaker) }
                .Where(r => !string.IsNullOrEmpty(r.Item3)).Select(r => (r.Item1, r.Item2, r.Item3!));

        static IEnumerable<(string, string, string)> OfDirection(string path, PolicyNames? names)
            => names is null ? [] : Of(path, names.Timeout, names.Retry, names.CircuitBreaker);
    }

    private static RetryDefinition? Retry(RetryPolicy policy, string path, List<ResourceProblem> problems)
    {
        var before = problems.Count;
        var kind = (policy.Policy ?? "").ToLowerInvariant();
        if (kind is not ("" or "constant" or "exponential"))
        {
            problems.Add(new(path + ".policy", $"{GoQuote.Quote(policy.Policy!)} is no retry policy; use constant or exponential"));
        }

        var duration = Duration(policy.Duration, path + ".duration", TimeSpan.FromSeconds(5), problems);
        var maxInterval = Duration(policy.MaxInterval, path + ".maxInterval", TimeSpan.FromSeconds(60), problems);
        var http = Codes(policy.Matching?.HttpStatusCodes, path + ".matching.httpStatusCodes", MinHttpCode, MaxHttpCode, problems);
        var grpc = Codes(policy.Matching?.GrpcStatusCodes, path + ".matching.gRPCStatusCodes", 0, MaxGrpcCode, problems);
        return problems.Count > before
            ? null
            : new RetryDefinition(kind == "exponential", duration!.Value, maxInterval!.Value, policy.MaxRetries ?? -1, http, grpc);
    }

    private static CircuitBreakerDefinition? Breaker(CircuitBreakerPolicy policy, string path, List<ResourceProblem> problems)
    {
        var before = problems.Count;
        var interval = Duration(policy.Interval, path + ".interval", TimeSpan.Zero, problems);
        var timeout = Duration(policy.Timeout, path + ".timeout", TimeSpan.FromSeconds(60), problems);
        var trip = string.IsNullOrWhiteSpace(policy.Trip) ? "consecutiveFailures > 5" : policy.Trip;
        var syntax = CelSyntax.Check(trip);
        if (syntax.Error is { } error)
        {
            problems.Add(new(path + ".trip", $"is no CEL expression: {error}; write one such as consecutiveFailures > 5"));
        }
        else if (syntax.Variables.FirstOrDefault(v => !TripVariables.Contains(v, StringComparer.Ordinal)) is { } unknown)
        {
            problems.Add(new(path + ".trip", $"reads {GoQuote.Quote(unknown)}, which has no value; there are {string.Join(", ", TripVariables)}"));
        }

        return problems.Count > before ? null : new CircuitBreakerDefinition(policy.MaxRequests ?? 1, interval!.Value, timeout!.Value, trip);
    }

    private static void CheckActors(Dictionary<string, ActorTarget> actors, List<ResourceProblem> problems)
    {
        foreach (var (name, target) in actors)
        {
            var path = $"spec.targets.actors.{name}.circuitBreakerScope";
            if (string.IsNullOrEmpty(target.CircuitBreakerScope))
            {
                if (!string.IsNullOrEmpty(target.CircuitBreaker))
                {
                    problems.Add(new(path, "actor circuit breakers must include scope; use type, id or both"));
                }
            }
            else if (!BreakerScopes.Contains(target.CircuitBreakerScope, StringComparer.Ordinal))
            {
                problems.Add(new(path, $"unknown circuit breaker scope {GoQuote.Quote(target.CircuitBreakerScope)}; use type, id or both"));
            }
        }
    }

    private static TimeSpan? Duration(string? text, string path, TimeSpan absent, List<ResourceProblem> problems)
    {
        if (string.IsNullOrEmpty(text))
        {
            return absent;
        }

        if (!GoDuration.TryParse(text, TimeSpan.FromMilliseconds(1), out var duration))
        {
            problems.Add(new(path, $"{GoQuote.Quote(text)} is no duration; write one such as 500ms or 5s, or a number of milliseconds"));
            return null;
        }

        return duration;
    }

    private static List<StatusCodeRange> Codes(string? text, string path, int least, int most, List<ResourceProblem> problems)
    {
        List<StatusCodeRange> ranges = [];
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var dash = part.IndexOf('-');
            var (from, to) = dash < 0 ? (part, part) : (part[..dash], part[(dash + 1)..]);
            if (int.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && int.TryParse(to, NumberStyles.None, CultureInfo.InvariantCulture, out var last)
                && first >= least && last <= most && first <= last)
            {
                ranges.Add(new(first, last));
            }
            else
            {
                problems.Add(new(path, $"{GoQuote.Quote(part)} is no code from {least} to {most} and no range of them; write codes and ranges with commas between and no blanks, such as {(most == MaxHttpCode ? "429,500-599" : "4,14")}"));
            }
        }

        return ranges;
    }
}
