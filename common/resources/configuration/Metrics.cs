using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>Prometheus metrics.</summary>
public sealed class MetricSpec
{
    /// <summary>Whether metrics are collected and served. Default true.</summary>
    [Schema(Required = true)]
    public bool? Enabled { get; set; }

    /// <summary>Whether errors of the API are counted by their code. Default false.</summary>
    public bool? RecordErrorCodes { get; set; }

    /// <summary>The labels of HTTP metrics.</summary>
    public MetricHttpSpec? Http { get; set; }

    /// <summary>Upper bounds of the buckets of latency histograms, whole milliseconds, ascending. Empty means the built-in ones.</summary>
    public List<int>? LatencyDistributionBuckets { get; set; }

    /// <summary>Rewrites label values, to keep their number small.</summary>
    public List<MetricRule>? Rules { get; set; }

    /// <summary>Metrics of workflows.</summary>
    public MetricWorkflowSpec? Workflow { get; set; }
}

/// <summary>HTTP metrics.</summary>
public sealed class MetricHttpSpec
{
    /// <summary>Whether paths are label values as they come. Default true; false keeps the number of series small.</summary>
    public bool? IncreasedCardinality { get; set; }

    /// <summary>Paths that get a label value of their own, with placeholders, for example <c>/orders/{id}</c>. All others share one.</summary>
    public List<string>? PathMatching { get; set; }

    /// <summary>Whether the HTTP verb is left out of the labels. Default false.</summary>
    public bool? ExcludeVerbs { get; set; }
}

/// <summary>Rewrites label values of one metric.</summary>
public sealed class MetricRule
{
    /// <summary>The metric, with or without the prefix <c>dapr_</c>.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>The labels to rewrite.</summary>
    [Schema(Required = true)]
    public List<MetricLabelRule> Labels { get; set; } = [];
}

/// <summary>Rewrites one label.</summary>
public sealed class MetricLabelRule
{
    /// <summary>The label.</summary>
    [Schema(Required = true)]
    public string Name { get; set; } = "";

    /// <summary>What a value becomes, by the regular expression that finds it, for example <c>"/orders/{id}": "/orders/[0-9]+"</c>.</summary>
    [Schema(Required = true)]
    public Dictionary<string, string> Regex { get; set; } = [];
}

/// <summary>Metrics of workflows.</summary>
public sealed class MetricWorkflowSpec
{
    /// <summary>Upper bounds of the buckets of workflow and activity latencies, ascending, in <c>latencyDistributionUnits</c>.</summary>
    public List<int>? LatencyDistributionBuckets { get; set; }

    /// <summary>The unit of the buckets, a duration such as <c>1s</c>. Default 1ms.</summary>
    public string? LatencyDistributionUnits { get; set; }
}
