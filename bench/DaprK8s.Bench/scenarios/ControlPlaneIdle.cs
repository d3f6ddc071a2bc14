using DaprK8s.Bench.Kubernetes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>What the control plane takes while nothing happens.</summary>
internal sealed class ControlPlaneIdle(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "idle";

    public override async Task<Section> RunAsync()
    {
        await using var plane = await ControlPlaneUnderTest.StartAsync(Settings);
        (string Name, RunningService Service)[] services =
        [
            ("sentry", plane.Sentry), ("operator", await plane.StartOperatorAsync()), ("injector", await plane.StartInjectorAsync()),
        ];
        await Task.Delay(Settings.WarmUp);
        var before = services.Select(s => s.Service.Cpu).ToArray();
        await Task.Delay(Settings.Length);
        var section = new Section($"Control plane, idle for {Settings.Length.TotalSeconds:0} s", "service", "CPU", "resident memory", "aim");
        var total = TimeSpan.Zero;
        foreach (var ((name, service), at) in services.Zip(before))
        {
            var used = service.Cpu - at;
            total += used;
            section.Row(name, Cell.Millicores(used, Settings.Length), Cell.Megabytes(service.Memory.Resident), "");
        }

        section.Row("together", Cell.Millicores(total, Settings.Length), Cell.Megabytes(services.Sum(s => s.Service.Memory.Resident)), "10 mCPU");
        return section;
    }
}
