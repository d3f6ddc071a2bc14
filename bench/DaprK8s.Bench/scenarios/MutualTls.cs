using DaprK8s.Bench.Load;
using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>What mTLS between two sidecars costs an invocation: the same pair with and without it, measured in turns.</summary>
internal sealed class MutualTls(Settings settings, Servers servers) : Scenario(settings, servers)
{
    private const int Turns = 3;

    public override string Name => "mtls";

    public override async Task<Section> RunAsync()
    {
        await using var sentry = await SentryUnderTest.StartAsync(Settings.Sentry);
        await using var plain = await InvocationPair.StartAsync(Settings.Daprd, "http");
        await using var secure = await InvocationPair.StartAsync(Settings.Daprd, "http", sentry: sentry);
        var section = new Section(
            $"mTLS: HTTP invocation, {Settings.Connections} connections, {Settings.PayloadBytes:#,0} bytes",
            "road", "throughput, closed loop", "p50 at 1,000/s", "p99 at 1,000/s", "failed", "RSS of the callee's sidecar");

        // In turns, so that a machine that gets slower or faster meanwhile favours neither.
        var closed = Alternate(pair => Run(pair, Settings.Length / Turns).ClosedLoop());
        var open = Alternate(pair => Run(pair, Settings.Length / Turns).OpenLoop(Settings.Rate));
        Row("clear text", closed.Plain, open.Plain, plain);
        Row("mTLS", closed.Secure, open.Secure, secure);
        section.Row(
            "**mTLS, of clear text**", $"**{Cell.Ratio(closed.Secure.Rate, closed.Plain.Rate)}**",
            $"**{Cell.Added(open.Secure.Latencies.Percentile(0.5), open.Plain.Latencies.Percentile(0.5))}**",
            $"**{Cell.Added(open.Secure.Latencies.Percentile(0.99), open.Plain.Latencies.Percentile(0.99))}**", "", "");
        section.Row("aim", "0.85", "", "", "0", "");
        return section;

        (LoadResult Plain, LoadResult Secure) Alternate(Func<InvocationPair, LoadResult> run)
        {
            var (a, b) = (run(plain), run(secure));
            for (var turn = 1; turn < Turns; turn++)
            {
                (b, a) = (b.Plus(run(secure)), a.Plus(run(plain)));
            }

            return (a, b);
        }

        void Row(string name, LoadResult closedLoop, LoadResult openLoop, InvocationPair pair) => section.Row(
            name, Cell.Rate(closedLoop.Rate), Cell.Ms(openLoop.Latencies.Percentile(0.5)), Cell.Ms(openLoop.Latencies.Percentile(0.99)),
            Cell.Count(closedLoop.Failures + openLoop.Failures), Cell.Megabytes(pair.Callee.Memory.Resident));
    }

    private LoadRun Run(InvocationPair pair, TimeSpan length) => new()
    {
        Connect = _ => HttpInvocation.Through(pair, Settings.PayloadBytes),
        Connections = Settings.Connections,
        WarmUp = Settings.WarmUp,
        Length = length,
        Watched = pair.Sidecars,
    };
}
