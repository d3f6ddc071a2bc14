using System.Text;
using DaprK8s.Bench.Load;
using DaprK8s.Bench.Processes;

namespace DaprK8s.Bench.Scenarios;

/// <summary>State in Redis through one sidecar, beside the plain command.</summary>
internal sealed class StateRequests(Settings settings, Servers servers) : Scenario(settings, servers)
{
    public override string Name => "state";

    public override async Task<Section> RunAsync()
    {
        var redis = await Servers.RedisAsync();
        await using var sidecar = await DaprdUnderTest.StartAsync(
            Settings.Daprd, new SidecarPlan("state", Resources: await Servers.StateOnRedisAsync()));
        var section = Saturation.NewSection("State in Redis", Settings);
        var text = new string('x', Settings.PayloadBytes);

        var plainSet = Saturation.Run(Settings, n => new RedisConnection(redis.Port, Command("SET", $"plain-{n}", text)), []);
        Saturation.Row(section, "SET, direct", plainSet, null);
        var set = Saturation.Run(
            Settings,
            n => new Http1Connection(
                sidecar.HttpPort,
                Http1Connection.Post(
                    "/v1.0/state/statestore", "application/json", Encoding.UTF8.GetBytes($$"""[{"key":"key-{{n}}","value":"{{text}}"}]"""))),
            [sidecar.Id]);
        Saturation.Row(section, "set, one sidecar", set, plainSet);

        var plainGet = Saturation.Run(Settings, n => new RedisConnection(redis.Port, Command("GET", $"plain-{n}")), []);
        Saturation.Row(section, "GET, direct", plainGet, null);
        var get = Saturation.Run(
            Settings,
            n => new Http1Connection(sidecar.HttpPort, Http1Connection.Get($"/v1.0/state/statestore/key-{n}")),
            [sidecar.Id]);
        Saturation.Row(section, "get, one sidecar", get, plainGet);
        section.Note("A set through a sidecar is a script that keeps an ETag, not a plain SET.");
        return section;
    }

    private static byte[] Command(params IEnumerable<string> words) => RedisConnection.Command(words.Select(Encoding.UTF8.GetBytes));
}
