using DaprK8s.Components.Tests.Conformance;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>The suite with lasting queues, publisher confirms and one message at a time.</summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqDurableConformanceTests(RabbitMqFixture fixture) : PubSubConformance
{
    protected override string ComponentType => "pubsub.rabbitmq";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["connectionString"] = fixture.Server.ConnectionString,
        ["deletedWhenUnused"] = "false",
        ["deliveryMode"] = "2",
        ["requeueInFailure"] = "true",
        ["publisherConfirm"] = "true",
        ["concurrencyMode"] = "single",
    };

    protected override PubSubTraits Traits { get; } = new() { CarriesMetadata = false };
}

/// <summary>The suite with lasting queues, messages handled side by side and a small prefetch.</summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqParallelConformanceTests(RabbitMqFixture fixture) : PubSubConformance
{
    protected override string ComponentType => "pubsub.rabbitmq";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["host"] = fixture.Server.ConnectionString,
        ["deletedWhenUnused"] = "false",
        ["requeueInFailure"] = "true",
        ["prefetchCount"] = "20",
    };

    protected override PubSubTraits Traits { get; } = new() { CarriesMetadata = false, InOrder = false };
}

/// <summary>The suite with nothing configured but the address: queues go with their consumers, failed messages are dropped.</summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqDefaultConformanceTests(RabbitMqFixture fixture) : PubSubConformance
{
    protected override string ComponentType => "pubsub.rabbitmq";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["hostname"] = fixture.Server.Address,
        ["username"] = fixture.Server.User,
        ["password"] = fixture.Server.Password,
    };

    protected override PubSubTraits Traits { get; } = new()
    {
        CarriesMetadata = false,
        InOrder = false,
        KeepsForAbsent = false,
        RedeliversNacked = false,
        RedeliversLeft = false,
    };
}
