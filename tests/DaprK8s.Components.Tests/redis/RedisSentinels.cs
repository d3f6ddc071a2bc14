using System.Net.Sockets;
using System.Text;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>A server, its replica, and a Sentinel that makes the replica the new server when the first is gone.</summary>
public sealed class RedisSentinels : IAsyncDisposable
{
    private const string Password = "data-pw";
    private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-sentinel-").FullName;
    private ChildProcess? sentinel;

    private RedisSentinels(RedisServer first, RedisServer second, int port)
    {
        First = first;
        Second = second;
        Port = port;
    }

    /// <summary>The server that takes writes at the start.</summary>
    public RedisServer First { get; }

    /// <summary>Its replica.</summary>
    public RedisServer Second { get; }

    private int Port { get; }

    /// <summary>What a component needs.</summary>
    public (string Name, string Value)[] Settings(string? sentinelPassword) =>
    [
        ("redisHost", $"127.0.0.1:{Port}"), ("failover", "true"), ("sentinelMasterName", "mymaster"),
        ("redisPassword", Password), ("sentinelPassword", sentinelPassword ?? ""),
    ];

    /// <summary>Starts all three.</summary>
    public static async Task<RedisSentinels> StartAsync(string? sentinelPassword)
    {
        var first = await RedisServer.StartAsync(Password, "--masterauth", Password, "--repl-diskless-sync-delay", "0");
        var second = await RedisServer.StartAsync(Password, "--masterauth", Password, "--replicaof", $"{first.Host} {first.Port}");
        var all = new RedisSentinels(first, second, Loopback.FreePort());
        await using (var raw = await RawRedis.ConnectAsync(first))
        {
            await Support.Eventually.TrueAsync(
                async () => ((string)(await raw.RunAsync("INFO", "replication"))!).Contains("state=online", StringComparison.Ordinal),
                "the replica follows the server");
        }

        var file = Path.Combine(all.directory, "sentinel.conf");
        await File.WriteAllLinesAsync(file,
        [
            $"port {all.Port}", "bind 127.0.0.1", $"dir {all.directory}", sentinelPassword is null ? "" : $"requirepass {sentinelPassword}",
            $"sentinel monitor mymaster {first.Host} {first.Port} 1", $"sentinel auth-pass mymaster {Password}",
            "sentinel down-after-milliseconds mymaster 500", "sentinel failover-timeout mymaster 3000",
        ]);
        all.sentinel = await ChildProcess.StartAsync("redis-server", [file, "--sentinel"], directory: all.directory);
        await Support.Eventually.TrueAsync(() => all.KnowsReplicaAsync(sentinelPassword), "the Sentinel finds the replica");
        return all;
    }

    private async ValueTask<bool> KnowsReplicaAsync(string? sentinelPassword)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Port);
            var stream = client.GetStream();
            var login = sentinelPassword is null ? "" : $"AUTH {sentinelPassword}\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{login}INFO sentinel\r\n"));
            using var reader = new StreamReader(stream);
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line.StartsWith("master0:", StringComparison.Ordinal))
                {
                    return line.Contains("slaves=1", StringComparison.Ordinal);
                }
            }

            return false;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await (sentinel?.DisposeAsync() ?? ValueTask.CompletedTask);
        await First.DisposeAsync();
        await Second.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }
}
