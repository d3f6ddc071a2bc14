using DaprK8s.TestServers;

namespace DaprK8s.Bench;

/// <summary>The servers that the scenarios share, started when the first of them asks, and the resources that point there.</summary>
internal sealed class Servers : IAsyncDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-bench-").FullName;
    private RedisServer? redis;
    private RabbitMqServer? rabbitMq;

    public async Task<RedisServer> RedisAsync() => redis ??= await RedisServer.StartAsync();

    public async Task<RabbitMqServer> RabbitMqAsync() => rabbitMq ??= await RabbitMqServer.StartAsync();

    /// <summary>A directory with the state store <c>statestore</c> on Redis.</summary>
    public async Task<string> StateOnRedisAsync() => Write("state", await StateAsync());

    /// <summary>A directory with the pub/sub component <c>pubsub</c> on Redis.</summary>
    public async Task<string> MessagesOnRedisAsync()
        => Write("messages-redis", Component("pubsub", "pubsub.redis", ("redisHost", (await RedisAsync()).Address)));

    /// <summary>A directory with the pub/sub component <c>pubsub</c> on RabbitMQ.</summary>
    public async Task<string> MessagesOnRabbitMqAsync() => Write("messages-rabbitmq", await MessagesAsync());

    /// <summary>A directory with a state store on Redis and a pub/sub component on RabbitMQ.</summary>
    public async Task<string> BothAsync() => Write("both", await StateAsync() + "---\n" + await MessagesAsync());

    public async ValueTask DisposeAsync()
    {
        if (redis is not null)
        {
            await redis.DisposeAsync();
        }

        if (rabbitMq is not null)
        {
            await rabbitMq.DisposeAsync();
        }

        Directory.Delete(directory, recursive: true);
    }

    private async Task<string> StateAsync() => Component("statestore", "state.redis", ("redisHost", (await RedisAsync()).Address));

    // Confirmed, so that a publish that was answered is one that the broker has.
    private async Task<string> MessagesAsync() => Component(
        "pubsub", "pubsub.rabbitmq", ("connectionString", (await RabbitMqAsync()).ConnectionString), ("publisherConfirm", "true"));

    private string Write(string name, string yaml)
    {
        var resources = Directory.CreateDirectory(Path.Combine(directory, name)).FullName;
        File.WriteAllText(Path.Combine(resources, "components.yaml"), yaml);
        return resources;
    }

    private static string Component(string name, string type, params (string Name, string Value)[] metadata) => $"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: {name}
        spec:
          type: {type}
          version: v1
          metadata:
        {string.Join('\n', metadata.Select(m => $"  - name: {m.Name}\n    value: \"{m.Value}\""))}

        """;
}
