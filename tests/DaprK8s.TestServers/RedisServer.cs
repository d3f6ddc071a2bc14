using System.Net.Sockets;
using System.Text;

namespace DaprK8s.TestServers;

/// <summary>A Redis server of Debian's <c>redis-server</c>; every acknowledged write outlives a kill.</summary>
public sealed class RedisServer : ServerProcess
{
    private readonly string? password;
    private readonly string[] arguments;

    private RedisServer(string? password, string[] arguments)
        : base("redis")
    {
        this.password = password;
        this.arguments = arguments;
    }

    /// <summary>What StackExchange.Redis connects with.</summary>
    public string ConnectionString => password is null ? Address : $"{Address},password={password}";

    /// <summary>Starts a server.</summary>
    /// <param name="password">What clients must authenticate with.</param>
    /// <param name="arguments">More <c>redis-server</c> arguments, such as <c>--maxmemory 1mb</c>.</param>
    public static async Task<RedisServer> StartAsync(string? password = null, params string[] arguments)
    {
        var server = new RedisServer(password, arguments);
        await server.FirstLaunchAsync();
        return server;
    }

    private protected override Task<ChildProcess> StartProcessAsync()
    {
        List<string> all =
        [
            "--bind", Host, "--port", $"{Port}", "--dir", Directory, "--daemonize", "no",
            "--save", "", "--appendonly", "yes", "--appendfsync", "no",
        ];
        if (password is not null)
        {
            all.AddRange(["--requirepass", password]);
        }

        return ChildProcess.StartAsync("redis-server", [.. all, .. arguments], directory: Directory);
    }

    private protected override async Task ProbeAsync(CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Host, Port, cancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(password is null ? "PING\r\n" : $"AUTH {password}\r\nPING\r\n"), cancellationToken);
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadLineAsync(cancellationToken);
        if (password is not null && answer == "+OK")
        {
            answer = await reader.ReadLineAsync(cancellationToken); // Right after a restart the password is known and the data still loads.
        }

        if (answer != "+PONG")
        {
            throw new IOException($"answered {answer}");
        }
    }
}
