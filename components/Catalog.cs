using DaprK8s.Components.State.InMemory;
using DaprK8s.Components.State.PostgreSql;
using DaprK8s.Components.State.Sqlite;

namespace DaprK8s.Components;

public static partial class ProviderCatalog
{
    private static ProviderEntry[] Entries() =>
    [
        State(["state.in-memory"], "v1", InMemoryStateStore.Describe),
        State(["state.sqlite", "state.sqlite3"], "v1", SqliteStateStore.Describe),
        State(["state.postgresql", "state.postgres"], "v1", PostgresStateStore.DescribeV1),
        State(["state.postgresql", "state.postgres"], "v2", PostgresStateStore.DescribeV2),
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
