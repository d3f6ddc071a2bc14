using DaprK8s.Components.PubSub.InMemory;
using DaprK8s.Components.PubSub.RabbitMq;
using DaprK8s.Components.PubSub.Sqlite;
using DaprK8s.Components.State.InMemory;

namespace DaprK8s.Components;

public static partial class ProviderCatalog
{
    private static ProviderEntry[] Entries() =>
    [
        PubSub(["pubsub.in-memory"], "v1", InMemoryPubSub.Describe),
        PubSub(["pubsub.rabbitmq"], "v1", RabbitMqPubSub.Describe),
        PubSub(["pubsub.sqlite"], "v1", SqlitePubSub.Describe),
        State(["state.in-memory"], "v1", InMemoryStateStore.Describe),
    ];

    private static ProviderEntry State(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.State, types, [version], describe);

    private static ProviderEntry PubSub(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.PubSub, types, [version], describe);

    private static ProviderEntry Secrets(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.SecretStore, types, [version], describe);

    private static ProviderEntry NameResolution(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.NameResolution, types, [version], describe);
}
