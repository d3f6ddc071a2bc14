using DaprK8s.Components.State.PostgreSql;

namespace DaprK8s.Components;

public static partial class ProviderCatalog
{
    private static ProviderEntry[] Entries() =>
    [
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
