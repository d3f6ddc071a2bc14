using System.Collections.Concurrent;
using DaprK8s.Common.Hosting;
using Microsoft.Extensions.Logging;
using Prometheus;

namespace DaprK8s.Common.Metrics;

/// <summary>
/// The process's metrics, in Prometheus' text form (contract: operations 5.4). It bounds every instrument: once one has
/// <see cref="MaxSeriesPerInstrument"/> series, further label values are counted in a series whose labels all read
/// <c>other</c>, and one warning is logged.
/// </summary>
public sealed class MetricsRegistry
{
    /// <summary>The default cap of series an instrument.</summary>
    public const int DefaultMaxSeries = 1000;

    private static readonly double[] DefaultLatencyBuckets =
    [
        1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500, 650, 800,
        1000, 2000, 5000, 10000, 20000, 50000, 100000,
    ];

    private static readonly double[] SizeBuckets =
        [1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30, 4L << 30];

    private readonly CollectorRegistry registry = Prometheus.Metrics.NewCustomRegistry();
    private readonly MetricFactory factory;
    private readonly MetricsOptions options;
    private readonly ILogger logger;

    /// <summary>Makes an empty registry.</summary>
    public MetricsRegistry(MetricsOptions options, ILogger logger)
    {
        this.options = options;
        this.logger = logger;
        factory = Prometheus.Metrics.WithCustomRegistry(registry);
    }

    /// <summary>The cap of series an instrument.</summary>
    public int MaxSeriesPerInstrument => options.MaxSeriesPerInstrument;

    /// <summary>A counter. Asking again for a name yields the same one.</summary>
    public CounterFamily Counter(string name, string help, params string[] labels)
        => new(factory.CreateCounter(name, help, labels), NewSeries(name, labels));

    /// <summary>A gauge.</summary>
    public GaugeFamily Gauge(string name, string help, params string[] labels)
        => new(factory.CreateGauge(name, help, labels), NewSeries(name, labels));

    /// <summary>A histogram of milliseconds.</summary>
    public HistogramFamily LatencyHistogram(string name, string help, params string[] labels)
        => Histogram(name, help, options.LatencyBuckets is { Count: > 0 } own ? [.. own.Select(b => (double)b)] : DefaultLatencyBuckets, labels);

    /// <summary>A histogram of bytes.</summary>
    public HistogramFamily SizeHistogram(string name, string help, params string[] labels) => Histogram(name, help, SizeBuckets, labels);

    /// <summary>Registers a callback that runs before each collection, for values that are read rather than counted.</summary>
    public void BeforeCollect(Action callback) => registry.AddBeforeCollectCallback(callback);

    /// <summary>Writes everything in the text form.</summary>
    public Task WriteAsync(Stream output, CancellationToken cancellationToken) => registry.CollectAndExportAsTextAsync(output, cancellationToken);

    private HistogramFamily Histogram(string name, string help, double[] buckets, string[] labels)
        => new(factory.CreateHistogram(name, help, labels, new HistogramConfiguration { Buckets = buckets }), NewSeries(name, labels));

    private SeriesLimit NewSeries(string name, string[] labels)
        => new(name, labels, options, () => logger.LogWarning(
            "metric {Metric} reached its cap of {Cap} series; further label values are counted as \"other\"", name, options.MaxSeriesPerInstrument));
}
