using DaprK8s.Components.Tests.Conformance;

namespace DaprK8s.Components.Tests.SqlitePubSub;

/// <summary>The suite on the embedded broker, every instance with its own connection to one file.</summary>
public abstract class SqlitePubSubConformance(params (string Name, string Value)[] settings) : PubSubConformance
{
    private readonly BrokerDirectory directory = new();

    protected override string ComponentType => "pubsub.sqlite";

    protected override IReadOnlyDictionary<string, string> Settings
        => new Dictionary<string, string>(settings.Select(s => KeyValuePair.Create(s.Name, s.Value))) { ["connectionString"] = directory.File };

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        directory.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>One message at a time.</summary>
public sealed class SqlitePubSubSingleConformanceTests() : SqlitePubSubConformance(("concurrencyMode", "single"), ("redeliverInterval", "20ms"));

/// <summary>Messages side by side, with frequent polling.</summary>
public sealed class SqlitePubSubParallelConformanceTests() : SqlitePubSubConformance(("redeliverInterval", "20ms"), ("pollInterval", "5ms"))
{
    protected override PubSubTraits Traits { get; } = new() { InOrder = false };
}
