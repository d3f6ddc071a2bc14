using System.Collections.Concurrent;
using Prometheus;

namespace DaprK8s.Common.Metrics;

/// <summary>Bounds the series of one instrument and applies the label rules, once a series.</summary>
internal sealed class SeriesLimit
{
    private readonly string[] labels;
    private readonly LabelRule?[] rules;
    private readonly MetricsOptions options;
    private readonly Action onFull;
    private int count;
    private int warned;

    public SeriesLimit(string name, string[] labels, MetricsOptions options, Action onFull)
    {
        this.labels = labels;
        this.options = options;
        this.onFull = onFull;
        rules = [.. labels.Select(l => options.Rules.FirstOrDefault(r => r.IsFor(name) && r.Label == l))];
    }

    public bool Enabled => options.Enabled;

    /// <summary>The label values under which a new series is kept, and whether it may be remembered under its own key.</summary>
    public string[] Admit(LabelValues values, out bool remember)
    {
        remember = Interlocked.Increment(ref count) <= options.MaxSeriesPerInstrument;
        if (!remember)
        {
            Interlocked.Decrement(ref count);
            if (Interlocked.Exchange(ref warned, 1) == 0)
            {
                onFull();
            }

            // The app id tells nothing apart within one process and keeps dashboards that filter by it whole.
            return [.. labels.Select((l, i) => l == "app_id" ? values.ToArray(labels.Length)[i] : "other")];
        }

        var texts = values.ToArray(labels.Length);
        for (var i = 0; i < texts.Length; i++)
        {
            texts[i] = rules[i]?.Apply(texts[i]) ?? texts[i];
        }

        return texts;
    }
}

/// <summary>A counter with labels.</summary>
public sealed class CounterFamily
{
    private readonly Counter counter;
    private readonly SeriesLimit limit;
    private readonly ConcurrentDictionary<LabelValues, Counter.Child> series = new();

    internal CounterFamily(Counter counter, SeriesLimit limit) => (this.counter, this.limit) = (counter, limit);

    /// <summary>Adds to a series.</summary>
    public void Increment(LabelValues labels, double by = 1)
    {
        if (!limit.Enabled)
        {
            return;
        }

        if (!series.TryGetValue(labels, out var child))
        {
            child = counter.WithLabels(limit.Admit(labels, out var remember));
            if (remember)
            {
                series.TryAdd(labels, child);
            }
        }

        child.Inc(by);
    }
}

/// <summary>A gauge with labels.</summary>
public sealed class GaugeFamily
{
    private readonly Gauge gauge;
    private readonly SeriesLimit limit;
    private readonly ConcurrentDictionary<LabelValues, Gauge.Child> series = new();

    internal GaugeFamily(Gauge gauge, SeriesLimit limit) => (this.gauge, this.limit) = (gauge, limit);

    /// <summary>Sets a series.</summary>
    public void Set(LabelValues labels, double value)
    {
        if (!limit.Enabled)
        {
            return;
        }

        if (!series.TryGetValue(labels, out var child))
        {
            child = gauge.WithLabels(limit.Admit(labels, out var remember));
            if (remember)
            {
                series.TryAdd(labels, child);
            }
        }

        child.Set(value);
    }
}

/// <summary>A histogram with labels.</summary>
public sealed class HistogramFamily
{
    private readonly Histogram histogram;
    private readonly SeriesLimit limit;
    private readonly ConcurrentDictionary<LabelValues, Histogram.Child> series = new();

    internal HistogramFamily(Histogram histogram, SeriesLimit limit) => (this.histogram, this.limit) = (histogram, limit);

    /// <summary>Records a value.</summary>
    public void Observe(LabelValues labels, double value)
    {
        if (!limit.Enabled)
        {
            return;
        }

        if (!series.TryGetValue(labels, out var child))
        {
            child = histogram.WithLabels(limit.Admit(labels, out var remember));
            if (remember)
            {
                series.TryAdd(labels, child);
            }
        }

        child.Observe(value);
    }
}
