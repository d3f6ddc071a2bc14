using DaprK8s.Bench.Load;

namespace DaprK8s.Bench.Scenarios;

/// <summary>What two sidecars add to an HTTP call at a moderate rate.</summary>
internal sealed class HttpInvocation(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "http";

    public override async Task<Section> RunAsync()
    {
        await using var pair = await InvocationPair.StartAsync(Settings.Daprd, "http");
        var section = AddedLatency.NewSection("HTTP invocation", Settings);
        AddedLatency.Measure(
            section, Settings, "HTTP", _ => Direct(pair, Settings.PayloadBytes), _ => Through(pair, Settings.PayloadBytes), pair.Sidecars);
        AddedLatency.Finish(section);
        return section;
    }

    /// <summary>The app without sidecars.</summary>
    public static Http1Connection Direct(InvocationPair pair, int bytes)
        => new(pair.App.HttpPort, Http1Connection.Post("/echo", "application/octet-stream", new byte[bytes]));

    /// <summary>The app through both sidecars.</summary>
    public static Http1Connection Through(InvocationPair pair, int bytes) => new(
        pair.Caller.HttpPort,
        Http1Connection.Post($"/v1.0/invoke/{pair.Target}/method/echo", "application/octet-stream", new byte[bytes]));
}
