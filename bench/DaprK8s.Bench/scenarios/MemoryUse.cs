using DaprK8s.Bench.Load;
using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>Memory of a sidecar after its start and after a minute of work.</summary>
internal sealed class MemoryUse(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "memory";

    public override async Task<Section> RunAsync()
    {
        var section = new Section("Memory", "sidecar", "resident (VmRSS)", "proportional (PSS)", "peak (VmHWM)", "aim (VmRSS)");
        await AfterStartAsync(section, "started, no components", null, "35 MB");
        var both = await Servers.BothAsync();
        await AfterStartAsync(section, "started, state.redis and pubsub.rabbitmq", both, "45 MB");

        await using var pair = await InvocationPair.StartAsync(Settings.Daprd, "http", both);
        var length = Settings.Quick ? Settings.Length : TimeSpan.FromMinutes(1);
        var result = new LoadRun
        {
            Connect = _ => HttpInvocation.Through(pair, Settings.PayloadBytes),
            Connections = Settings.Connections,
            Length = length,
        }.OpenLoop(Settings.Rate);
        Row(section, $"caller's, after {length.TotalSeconds:0} s at {Cell.Rate(result.Rate)} invocations", pair.Caller.Memory, "60 MB");
        Row(section, $"callee's, after {length.TotalSeconds:0} s at {Cell.Rate(result.Rate)} invocations", pair.Callee.Memory, "60 MB");
        section.Note("The working pair has the two components as well. 1 MB = 1,000,000 bytes.");
        if (result.Failures > 0)
        {
            section.Note($"{result.Failures} requests failed: {result.FirstFailure}");
        }

        return section;
    }

    private async Task AfterStartAsync(Section section, string what, string? resources, string aim)
    {
        await using var sidecar = await DaprdUnderTest.StartAsync(Settings.Daprd, new SidecarPlan("memory", Resources: resources));
        await Task.Delay(TimeSpan.FromSeconds(3));
        Row(section, what, sidecar.Memory, aim);
    }

    private static void Row(Section section, string what, Memory memory, string aim) => section.Row(
        what, Cell.Megabytes(memory.Resident), Cell.Megabytes(memory.Proportional), Cell.Megabytes(memory.Peak), aim);
}
