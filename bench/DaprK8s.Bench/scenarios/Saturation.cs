using DaprK8s.Bench.Load;

namespace DaprK8s.Bench.Scenarios;

/// <summary>Closed loops: how much goes through, and what a thousand pieces of work cost the sidecars.</summary>
internal static class Saturation
{
    public static Section NewSection(string title, Settings settings) => new(
        $"{title}: closed loop, {settings.Connections} connections, {settings.PayloadBytes:#,0} bytes",
        "road", "throughput", "share of direct", "p50", "p99", "failed", "CPU per 1,000, caller's sidecar", "callee's sidecar");

    public static LoadResult Run(Settings settings, Func<int, IConnection> connect, IReadOnlyList<int> sidecars) => new LoadRun
    {
        Connect = connect,
        Connections = settings.Connections,
        WarmUp = settings.WarmUp,
        Length = settings.Length,
        Watched = sidecars,
    }.ClosedLoop();

    public static void Row(Section section, string name, LoadResult result, LoadResult? direct)
    {
        section.Row(
            name,
            Cell.Rate(result.Rate),
            direct is null ? "1.00" : Cell.Ratio(result.Rate, direct.Rate),
            Cell.Ms(result.Latencies.Percentile(0.5)),
            Cell.Ms(result.Latencies.Percentile(0.99)),
            Cell.Count(result.Failures),
            result.Cpu.Count > 0 ? Cell.CpuPerThousand(result.Cpu[0], result.Latencies.Count) : Cell.None,
            result.Cpu.Count > 1 ? Cell.CpuPerThousand(result.Cpu[1], result.Latencies.Count) : Cell.None);
        if (result.FirstFailure is { } failure)
        {
            section.Note($"First failure of {name}: {failure}");
        }
    }
}
