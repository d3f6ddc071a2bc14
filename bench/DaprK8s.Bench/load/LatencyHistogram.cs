using System.Numerics;

namespace DaprK8s.Bench.Load;

/// <summary>
/// Counts of durations in buckets that are less than 1 % wide, from nanoseconds to minutes, in a fixed 36 KB.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int Digits = 7; // Buckets per power of two, as bits.
    private const int HalfRange = 1 << Digits;
    private readonly long[] counts = new long[(64 - Digits) * HalfRange];

    /// <summary>How many durations were recorded.</summary>
    public long Count { get; private set; }

    public void Record(long nanoseconds)
    {
        counts[IndexOf(Math.Max(0, nanoseconds))]++;
        Count++;
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < counts.Length; i++)
        {
            counts[i] += other.counts[i];
        }

        Count += other.Count;
    }

    /// <summary>The duration that a share (0 to 1) of all recorded ones does not exceed; zero when there are none.</summary>
    public TimeSpan Percentile(double share)
    {
        var rank = (long)Math.Ceiling(share * Count);
        long seen = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            if (seen >= rank && seen > 0)
            {
                return TimeSpan.FromMicroseconds(MiddleOf(i) / 1000.0);
            }
        }

        return TimeSpan.Zero;
    }

    // Values below 256 have a bucket each; above, the leading eight bits of a value and their position give its bucket.
    private static int IndexOf(long value)
    {
        var shift = Math.Max(0, 63 - BitOperations.LeadingZeroCount((ulong)value) - Digits);
        return (shift * HalfRange) + (int)(value >> shift);
    }

    private static double MiddleOf(int index)
    {
        var shift = Math.Max(0, (index / HalfRange) - 1);
        return (((long)index - (shift * HalfRange)) << shift) + (((1L << shift) - 1) / 2.0);
    }
}
