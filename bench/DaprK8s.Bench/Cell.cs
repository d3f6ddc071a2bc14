using System.Globalization;

namespace DaprK8s.Bench;

/// <summary>Figures as they are written in a table.</summary>
internal static class Cell
{
    public const string None = "–";

    public static string Ms(TimeSpan time) => Invariant($"{time.TotalMilliseconds:0.00} ms");

    public static string Added(TimeSpan through, TimeSpan direct) => Invariant($"{(through - direct).TotalMilliseconds:+0.00;-0.00} ms");

    public static string Megabytes(long bytes) => Invariant($"{bytes / 1e6:0.0} MB");

    public static string Rate(double perSecond) => Invariant($"{perSecond:#,0}/s");

    public static string Ratio(double part, double whole) => whole > 0 ? Invariant($"{part / whole:0.00}") : None;

    public static string Millicores(TimeSpan cpu, TimeSpan over) => Invariant($"{1000 * cpu / over:0} mCPU");

    /// <summary>Processor seconds per 1,000 pieces of work.</summary>
    public static string CpuPerThousand(TimeSpan cpu, long pieces)
        => pieces > 0 ? Invariant($"{cpu.TotalSeconds * 1000 / pieces:0.000} s") : None;

    public static string Count(long number) => Invariant($"{number:#,0}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
