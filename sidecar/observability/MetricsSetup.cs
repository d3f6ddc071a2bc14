using System.Text.RegularExpressions;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Observability;

/// <summary>Makes the registry's options from the Configuration: <c>metrics</c> over <c>metric</c>, field by field (contract: operations 2.4).</summary>
internal static class MetricsSetup
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>The two blocks as one.</summary>
    public static MetricSpec Merge(ConfigurationSpec spec)
    {
        var (old, current) = (spec.Metric ?? new MetricSpec(), spec.Metrics ?? new MetricSpec());
        return new MetricSpec
        {
            Enabled = current.Enabled ?? old.Enabled ?? true,
            RecordErrorCodes = current.RecordErrorCodes ?? old.RecordErrorCodes,
            Http = current.Http ?? old.Http,
            LatencyDistributionBuckets = current.LatencyDistributionBuckets is { Count: > 0 } own ? own : old.LatencyDistributionBuckets,
            Rules = current.Rules ?? old.Rules,
            Workflow = current.Workflow ?? old.Workflow,
        };
    }

    /// <summary>The options.</summary>
    /// <exception cref="FatalException">A rule's pattern is no regular expression.</exception>
    public static MetricsOptions Options(MetricSpec spec)
        => new()
        {
            Enabled = spec.Enabled ?? true,
            LatencyBuckets = spec.LatencyDistributionBuckets ?? [],
            Rules = [.. (spec.Rules ?? []).SelectMany(r => r.Labels.Select(l => new LabelRule(r.Name, l.Name, [.. l.Regex.Select(p => (Pattern(r, l, p.Value), p.Key))])))],
        };

    /// <summary>Whether two specifications make the same of the registry, which is built once.</summary>
    public static bool HasSameRegistry(ConfigurationSpec one, ConfigurationSpec other)
    {
        var (first, second) = (Merge(one), Merge(other));
        return first.Enabled == second.Enabled && (first.LatencyDistributionBuckets ?? []).SequenceEqual(second.LatencyDistributionBuckets ?? [])
            && RulesOf(first).SequenceEqual(RulesOf(second));

        static IEnumerable<string> RulesOf(MetricSpec spec)
            => (spec.Rules ?? []).SelectMany(r => r.Labels.SelectMany(l => l.Regex.Select(p => $"{r.Name}\n{l.Name}\n{p.Key}\n{p.Value}")));
    }

    private static Regex Pattern(MetricRule rule, MetricLabelRule label, string text)
    {
        try
        {
            // Values come from requests, so a pattern must not be able to take for ever.
            return new Regex(text, RegexOptions.CultureInvariant, PatternTimeout);
        }
        catch (ArgumentException e)
        {
            throw new FatalException($"error loading configuration: metrics rule {rule.Name}, label {label.Name}: {e.Message}", e);
        }
    }
}
