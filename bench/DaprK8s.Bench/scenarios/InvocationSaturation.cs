namespace DaprK8s.Bench.Scenarios;

/// <summary>Invocation through two sidecars as fast as it goes.</summary>
internal sealed class InvocationSaturation(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "invocation";

    public override async Task<Section> RunAsync()
    {
        var section = Saturation.NewSection("Invocation", Settings);
        await using (var pair = await InvocationPair.StartAsync(Settings.Daprd, "http"))
        {
            var direct = Saturation.Run(Settings, _ => HttpInvocation.Direct(pair, Settings.PayloadBytes), []);
            Saturation.Row(section, "HTTP, direct", direct, null);
            Saturation.Row(
                section,
                "HTTP, two sidecars",
                Saturation.Run(Settings, _ => HttpInvocation.Through(pair, Settings.PayloadBytes), pair.Sidecars),
                direct);
        }

        await using (var pair = await InvocationPair.StartAsync(Settings.Daprd, "grpc"))
        {
            var direct = Saturation.Run(Settings, _ => GrpcInvocation.Direct(pair, Settings.PayloadBytes), []);
            Saturation.Row(section, "gRPC, direct", direct, null);
            Saturation.Row(
                section,
                "gRPC proxied, two sidecars",
                Saturation.Run(Settings, _ => GrpcInvocation.Proxied(pair, Settings.PayloadBytes), pair.Sidecars),
                direct);
        }

        section.Note("Load generator, app and sidecars share the cores: throughput says what this machine can do, the CPU columns what a sidecar costs.");
        return section;
    }
}
