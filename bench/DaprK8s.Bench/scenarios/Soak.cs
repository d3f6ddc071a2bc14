using System.Globalization;
using DaprK8s.Bench.Load;

namespace DaprK8s.Bench.Scenarios;

/// <summary>Whether memory grows under full load.</summary>
internal sealed class Soak(Settings settings, Servers servers) : Scenario(settings, servers)
{
    private const int Samples = 20;

    public override string Name => "soak";

    public override async Task<Section> RunAsync()
    {
        var length = Settings.Quick ? TimeSpan.FromSeconds(20) : Settings.SoakLength;
        await using var pair = await InvocationPair.StartAsync(Settings.Daprd, "http", await Servers.BothAsync());
        using var stop = new CancellationTokenSource();
        var sampling = SampleAsync(pair, length / Samples, stop.Token);
        var result = new LoadRun
        {
            Connect = _ => HttpInvocation.Through(pair, Settings.PayloadBytes),
            Connections = Settings.Connections,
            Length = length,
        }.ClosedLoop();
        await stop.CancelAsync();
        var samples = await sampling;

        var section = new Section(
            string.Create(CultureInfo.InvariantCulture, $"Memory over {length.TotalMinutes:0.#} minutes of HTTP invocation at saturation"),
            "sidecar", "after a tenth", "at the end", "most", "growth in the second half", "aim");
        Row("caller's", [.. samples.Select(s => s.Caller)]);
        Row("callee's", [.. samples.Select(s => s.Callee)]);
        section.Note($"VmRSS. {Cell.Count(result.Latencies.Count)} requests, {Cell.Rate(result.Rate)}, {Cell.Count(result.Failures)} failed.");
        return section;

        void Row(string who, long[] resident) => section.Row(
            who,
            Cell.Megabytes(resident[resident.Length / 10]),
            Cell.Megabytes(resident[^1]),
            Cell.Megabytes(resident.Max()),
            // Of two averages: single samples jump with the garbage collector.
            Cell.Megabytes((long)(resident[^(resident.Length / 4)..].Average()
                - resident[(resident.Length / 2)..^(resident.Length / 4)].Average())),
            "none");
    }

    private static async Task<List<(long Caller, long Callee)>> SampleAsync(InvocationPair pair, TimeSpan pause, CancellationToken stop)
    {
        var samples = new List<(long, long)>();
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            samples.Add((pair.Caller.Memory.Resident, pair.Callee.Memory.Resident));
        }

        return samples;
    }
}
