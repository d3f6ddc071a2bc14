using DaprK8s.TestServers;
using StackExchange.Redis;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>A Redis cluster of three servers without replicas.</summary>
public sealed class RedisCluster : IAsyncLifetime
{
    private const int Slots = 16384;
    private readonly List<RedisServer> servers = [];

    /// <summary>What <c>redisHost</c> needs.</summary>
    public string Hosts => string.Join(',', servers.Select(s => s.Address));

    /// <summary>The servers.</summary>
    public IReadOnlyList<RedisServer> Servers => servers;

    public async ValueTask InitializeAsync()
    {
        List<int> busPorts = [];
        for (var i = 0; i < 3; i++)
        {
            busPorts.Add(Loopback.FreePort());
            servers.Add(await RedisServer.StartAsync(null, "--cluster-enabled", "yes", "--cluster-port", $"{busPorts[i]}"));
        }

        for (var i = 0; i < servers.Count; i++)
        {
            await using var raw = await RawRedis.ConnectAsync(servers[i]);
            await raw.RunAsync("CLUSTER", "ADDSLOTSRANGE", i * Slots / 3, ((i + 1) * Slots / 3) - 1);
            if (i > 0)
            {
                await raw.RunAsync("CLUSTER", "MEET", servers[0].Host, servers[0].Port, busPorts[0]);
            }
        }

        foreach (var server in servers)
        {
            await using var raw = await RawRedis.ConnectAsync(server);
            await Support.Eventually.TrueAsync(
                async () =>
                {
                    var info = (string)(await raw.RunAsync("CLUSTER", "INFO"))!;
                    return info.Contains("cluster_state:ok", StringComparison.Ordinal) && info.Contains("cluster_known_nodes:3", StringComparison.Ordinal);
                },
                "the servers of the cluster find each other");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }
    }
}
