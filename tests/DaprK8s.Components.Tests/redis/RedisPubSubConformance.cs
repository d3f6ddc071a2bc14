using DaprK8s.Components.Tests.Conformance;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Redis streams against everything that a broker must do, on one server for all of the tests.</summary>
public sealed class RedisPubSubConformance(RedisServerFixture fixture) : PubSubConformance, IClassFixture<RedisServerFixture>
{
    protected override string ComponentType => "pubsub.redis";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["redisHost"] = fixture.Server.Address,
        ["redeliverInterval"] = "300ms",
        ["processingTimeout"] = "10s",
    };

    // What a handler fails at is dropped, and the workers overtake each other (contract: components 4.3).
    protected override PubSubTraits Traits { get; } = new() { RedeliversNacked = false, InOrder = false };
}

/// <summary>The same with one worker a subscription, which keeps the order.</summary>
public sealed class RedisPubSubInOrderConformance(RedisServerFixture fixture) : PubSubConformance, IClassFixture<RedisServerFixture>
{
    protected override string ComponentType => "pubsub.redis";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["redisHost"] = fixture.Server.Address,
        ["redeliverInterval"] = "300ms",
        ["processingTimeout"] = "10s",
        ["concurrency"] = "1",
        ["queueDepth"] = "5",
    };

    protected override PubSubTraits Traits { get; } = new() { RedeliversNacked = false };
}
