using System.Text.RegularExpressions;

namespace DaprK8s.Common.Metrics;

/// <summary>What the Configuration's <c>metric</c>/<c>metrics</c> blocks say about every instrument (contract: operations 2.4).</summary>
public sealed class MetricsOptions
{
    /// <summary>Off: nothing is recorded and the endpoint shows no <c>dapr_</c> series.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Bucket bounds of latency histograms in milliseconds; empty means the built-in list.</summary>
    public IReadOnlyList<int> LatencyBuckets { get; init; } = [];

    /// <summary>The most series of one instrument.</summary>
    public int MaxSeriesPerInstrument { get; init; } = MetricsRegistry.DefaultMaxSeries;

    /// <summary>Rewrites of label values: metric name, label name, replacements in order.</summary>
    public IReadOnlyList<LabelRule> Rules { get; init; } = [];
}

/// <summary>Rewrites one label of one metric.</summary>
/// <param name="Metric">With or without the prefix <c>dapr_</c>; underscores for slashes.</param>
/// <param name="Label">The label.</param>
/// <param name="Replacements">Pattern and replacement, applied in order to the whole value.</param>
public sealed record LabelRule(string Metric, string Label, IReadOnlyList<(Regex Pattern, string Replacement)> Replacements)
{
    internal bool IsFor(string metric)
    {
        var name = Metric.Replace('/', '_');
        return name == metric || "dapr_" + name == metric;
    }

    internal string Apply(string value)
    {
        foreach (var (pattern, replacement) in Replacements)
        {
            value = pattern.Replace(value, replacement);
        }

        return value;
    }
}
