using System.Globalization;
using DaprK8s.TestServers;
using StackExchange.Redis;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Looks at a server past the component, as <c>redis-cli</c> would.</summary>
public sealed class RawRedis : IAsyncDisposable
{
    private readonly ConnectionMultiplexer connection;

    private readonly string address;

    private RawRedis(ConnectionMultiplexer connection, string address)
    {
        this.connection = connection;
        this.address = address;
    }

    /// <summary>The database 0.</summary>
    public IDatabase Database => connection.GetDatabase();

    /// <summary>A database.</summary>
    public IDatabase DatabaseNumber(int number) => connection.GetDatabase(number);

    /// <summary>Connects.</summary>
    public static async Task<RawRedis> ConnectAsync(RedisServer server)
        => new(await ConnectionMultiplexer.ConnectAsync($"{server.ConnectionString},allowAdmin=true,abortConnect=false"), server.Address);

    /// <summary>Component metadata.</summary>
    public static KeyValuePair<string, string>[] Settings(params (string Name, string Value)[] settings)
        => [.. settings.Select(s => KeyValuePair.Create(s.Name, s.Value))];

    /// <summary>Runs a command on this very server, also when it is one of a cluster.</summary>
    public Task<RedisResult> RunAsync(string command, params object[] arguments)
        => connection.GetServer(address).ExecuteAsync(command, arguments);

    /// <summary>How often the server has run a command, in the spelling of <c>INFO commandstats</c>.</summary>
    public async Task<long> CallsAsync(string command)
    {
        var text = (string)(await RunAsync("INFO", "commandstats"))!;
        var start = text.IndexOf($"cmdstat_{command}:calls=", StringComparison.Ordinal);
        if (start < 0)
        {
            return 0;
        }

        start = text.IndexOf('=', start) + 1;
        return long.Parse(text.AsSpan(start, text.IndexOf(',', start) - start), CultureInfo.InvariantCulture);
    }

    /// <summary>The fields of a stream's entries, in order.</summary>
    public async Task<List<Dictionary<string, string>>> StreamAsync(string topic)
        => [.. (await Database.StreamRangeAsync(topic)).Select(e => e.Values.ToDictionary(v => v.Name.ToString(), v => v.Value.ToString()))];

    /// <summary>How many messages of a group have no answer yet.</summary>
    public async Task<int> PendingAsync(string topic, string group) => (await Database.StreamPendingAsync(topic, group)).PendingMessageCount;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
