using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>From the start of the process to the first 204 of the outbound health endpoint.</summary>
internal sealed class Startup(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "startup";

    public override async Task<Section> RunAsync()
    {
        var runs = Settings.Quick ? 3 : 10;
        var section = new Section("Start: exec to `/v1.0/healthz/outbound` = 204", "components", "median", "fastest", "slowest", "aim");
        await MeasureAsync(section, runs, [], null, "100 ms");
        await MeasureAsync(section, runs, ["state.redis", "pubsub.rabbitmq"], await Servers.BothAsync(), "200 ms");
        section.Note($"{runs} starts each after one that warms the page cache. Polled every half millisecond; includes the exec of a launcher (setpriv).");
        return section;
    }

    private async Task MeasureAsync(Section section, int runs, string[] components, string? resources, string aim)
    {
        var times = new List<TimeSpan>();
        for (var run = 0; run <= runs; run++)
        {
            await using var sidecar = await DaprdUnderTest.StartAsync(Settings.Daprd, new SidecarPlan("startup", Resources: resources));
            times.Add(sidecar.OutboundReadyAfter);
            if (components.Except(await sidecar.ComponentTypesAsync()).FirstOrDefault() is { } missing)
            {
                throw new InvalidOperationException($"the sidecar says that it is ready, but has no {missing}");
            }
        }

        var sorted = times.Skip(1).Order().ToList();
        var median = (sorted[(runs - 1) / 2] + sorted[runs / 2]) / 2;
        section.Row(components.Length > 0 ? string.Join(", ", components) : "none", Cell.Ms(median), Cell.Ms(sorted[0]), Cell.Ms(sorted[^1]), aim);
    }
}
