using DaprK8s.Components.Middleware.OAuth2;
using DaprK8s.Components.Middleware.OAuth2ClientCredentials;
using DaprK8s.Components.Middleware.Wasm;
using DaprK8s.Components.Middleware.Bearer;
using DaprK8s.Components.Middleware.RateLimit;
using DaprK8s.Components.Middleware.RouterAlias;
using DaprK8s.Components.Middleware.RouterChecker;
using DaprK8s.Components.Middleware.Sentinel;
using DaprK8s.Components.Middleware.Uppercase;
using DaprK8s.Components.Middleware.Opa;
using DaprK8s.Components.SecretStores.Kubernetes;
using DaprK8s.Components.Bindings.Kubernetes;
using DaprK8s.Components.Configuration.Kubernetes;
using DaprK8s.Components.SecretStores.LocalEnv;
using DaprK8s.Components.SecretStores.LocalFile;
using DaprK8s.Components.State.InMemory;
using DaprK8s.Components.NameResolution;
using DaprK8s.Components.NameResolution.Kubernetes;
using DaprK8s.Components.NameResolution.Sqlite;
using DaprK8s.Components.State.PostgreSql;
using DaprK8s.Components.State.Sqlite;
using DaprK8s.Components.PubSub.InMemory;
using DaprK8s.Components.PubSub.RabbitMq;
using DaprK8s.Components.PubSub.Redis;
using DaprK8s.Components.State.Redis;
using DaprK8s.Components.PubSub.Sqlite;

namespace DaprK8s.Components;

public static partial class ProviderCatalog
{
    private static ProviderEntry[] Entries() =>
    [
        PubSub(["pubsub.in-memory"], "v1", InMemoryPubSub.Describe),
        PubSub(["pubsub.rabbitmq"], "v1", RabbitMqPubSub.Describe),
        PubSub(["pubsub.redis"], "v1", RedisPubSub.Describe),
        PubSub(["pubsub.sqlite"], "v1", SqlitePubSub.Describe),
        State(["state.in-memory"], "v1", InMemoryStateStore.Describe),
        NameResolution(["nameresolution.mdns"], "v1", LocalFirstResolver.Describe),
        NameResolution(["nameresolution.kubernetes"], "v1", KubernetesNameResolver.Describe),
        NameResolution(["nameresolution.sqlite"], "v1", SqliteNameResolver.Describe),
        State(["state.sqlite", "state.sqlite3"], "v1", SqliteStateStore.Describe),
        Secrets(["secretstores.kubernetes"], "v1", KubernetesSecretStore.Describe),
        Configuration(["configuration.kubernetes"], "v1", KubernetesConfigurationStore.Describe),
        Binding(["bindings.kubernetes"], "v1", KubernetesEventsBinding.Describe),
        Secrets(["secretstores.local.env"], "v1", LocalEnvironmentSecretStore.Describe),
        Secrets(["secretstores.local.file"], "v1", LocalFileSecretStore.Describe),
        State(["state.redis"], "v1", RedisStateStore.Describe),
        State(["state.postgresql", "state.postgres"], "v1", PostgresStateStore.DescribeV1),
        State(["state.postgresql", "state.postgres"], "v2", PostgresStateStore.DescribeV2),
        Middleware(["middleware.http.oauth2"], "v1", OAuth2Middleware.Describe),
        Middleware(["middleware.http.oauth2clientcredentials"], "v1", OAuth2ClientCredentialsMiddleware.Describe),
        Middleware(["middleware.http.wasm"], "v1", WasmMiddleware.Describe),
        Middleware(["middleware.http.bearer"], "v1", BearerMiddleware.Describe),
        Middleware(["middleware.http.ratelimit"], "v1", RateLimitMiddleware.Describe),
        Middleware(["middleware.http.routeralias"], "v1", RouterAliasMiddleware.Describe),
        Middleware(["middleware.http.routerchecker"], "v1", RouterCheckerMiddleware.Describe),
        Middleware(["middleware.http.sentinel"], "v1", SentinelMiddleware.Describe),
        Middleware(["middleware.http.uppercase"], "v1", UppercaseMiddleware.Describe),
        Middleware(["middleware.http.opa"], "v1", OpaMiddleware.Describe),
    ];

    private static ProviderEntry State(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.State, types, [version], describe);

    private static ProviderEntry PubSub(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.PubSub, types, [version], describe);

    private static ProviderEntry Secrets(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.SecretStore, types, [version], describe);

    private static ProviderEntry Configuration(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.Configuration, types, [version], describe);

    private static ProviderEntry Binding(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.Binding, types, [version], describe);

    private static ProviderEntry NameResolution(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.NameResolution, types, [version], describe);

    private static ProviderEntry Middleware(string[] types, string version, Func<ProviderDescriptor> describe)
        => new(ComponentKind.Middleware, types, [version], describe);
}
