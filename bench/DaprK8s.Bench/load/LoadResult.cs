namespace DaprK8s.Bench.Load;

/// <summary>What a load run saw in its measured part.</summary>
/// <param name="Latencies">Of the exchanges that succeeded.</param>
/// <param name="Failures">Exchanges that failed.</param>
/// <param name="FirstFailure">Why the first did.</param>
/// <param name="Length">How long the measured part was.</param>
/// <param name="Cpu">Processor time that each watched process used meanwhile.</param>
internal sealed record LoadResult(
    LatencyHistogram Latencies, long Failures, string? FirstFailure, TimeSpan Length, IReadOnlyList<TimeSpan> Cpu)
{
    /// <summary>Successful exchanges per second.</summary>
    public double Rate => Latencies.Count / Length.TotalSeconds;

    /// <summary>Two parts of one measurement.</summary>
    public LoadResult Plus(LoadResult other)
    {
        var both = new LatencyHistogram();
        both.Add(Latencies);
        both.Add(other.Latencies);
        return new LoadResult(
            both,
            Failures + other.Failures,
            FirstFailure ?? other.FirstFailure,
            Length + other.Length,
            [.. Cpu.Zip(other.Cpu, (a, b) => a + b)]);
    }
}
