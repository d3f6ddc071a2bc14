using DaprK8s.Bench.Load;

namespace DaprK8s.Bench.Scenarios;

/// <summary>
/// Compares a road through sidecars with the direct one at the same rate: half of the direct measurement before, half after, so
/// that a machine that gets slower or faster meanwhile favours neither.
/// </summary>
internal static class AddedLatency
{
    public static Section NewSection(string title, Settings settings) => new(
        $"{title}: {settings.Rate:#,0} requests/s, {settings.PayloadBytes:#,0} bytes, {settings.Connections} connections, open loop",
        "road", "p50", "p90", "p99", "reached", "failed", "caller's sidecar", "callee's sidecar");

    public static void Measure(
        Section section,
        Settings settings,
        string name,
        Func<int, IConnection> direct,
        Func<int, IConnection> through,
        IReadOnlyList<int> sidecars)
    {
        var before = Run(direct, settings.Length / 2);
        var road = Run(through, settings.Length);
        var straight = before.Plus(Run(direct, settings.Length / 2));

        Row($"{name}, direct", straight, Cell.None, Cell.None);
        Row($"{name}, two sidecars", road, Cell.Millicores(road.Cpu[0], road.Length), Cell.Millicores(road.Cpu[1], road.Length));
        var (a, b) = (road.Latencies, straight.Latencies);
        section.Row(
            $"**{name}, added**",
            $"**{Cell.Added(a.Percentile(0.5), b.Percentile(0.5))}**",
            $"**{Cell.Added(a.Percentile(0.9), b.Percentile(0.9))}**",
            $"**{Cell.Added(a.Percentile(0.99), b.Percentile(0.99))}**",
            "", "", "", "");
        if ((straight.FirstFailure ?? road.FirstFailure) is { } failure)
        {
            section.Note($"First failure: {failure}");
        }

        LoadResult Run(Func<int, IConnection> connect, TimeSpan length) => new LoadRun
        {
            Connect = connect,
            Connections = settings.Connections,
            WarmUp = settings.WarmUp,
            Length = length,
            Watched = sidecars,
        }.OpenLoop(settings.Rate);

        void Row(string what, LoadResult result, string caller, string callee) => section.Row(
            what,
            Cell.Ms(result.Latencies.Percentile(0.5)),
            Cell.Ms(result.Latencies.Percentile(0.9)),
            Cell.Ms(result.Latencies.Percentile(0.99)),
            Cell.Rate(result.Rate),
            Cell.Count(result.Failures),
            caller,
            callee);
    }

    public static void Finish(Section section)
    {
        section.Row("aim (added)", "0.40 ms", "", "1.50 ms", "", "0", "100 mCPU", "100 mCPU");
        section.Note("A latency counts from the moment at which the request was due (corrected for coordinated omission).");
    }
}
