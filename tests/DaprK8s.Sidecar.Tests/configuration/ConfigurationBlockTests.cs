using System.Collections.Concurrent;
using DaprK8s.Common.Metrics;
using DaprK8s.Components;
using DaprK8s.Sidecar.ConfigurationApi;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tests.State;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.ConfigurationApi;

/// <summary>The configuration building block: errors, and subscriptions that outlive their component (contract: api 1.4.5, 1.13).</summary>
public sealed class ConfigurationBlockTests : IAsyncDisposable
{
    private const string Store = "settings";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ComponentRegistry registry = new();
    private readonly ConfigurationBlock block;
    private readonly ConcurrentQueue<string> told = new();

    public ConfigurationBlockTests()
    {
        var metrics = new ComponentMetrics(new MetricsRegistry(new MetricsOptions(), NullLogger.Instance), new SidecarInfo("app1", "prod"));
        block = new ConfigurationBlock(registry, new ComponentRoad(NoResiliency.Instance, metrics, TimeProvider.System), TimeProvider.System, NullLogger.Instance);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => block.DisposeAsync();

    [Fact]
    public async Task A_store_that_fails_to_read_is_told_with_the_keys()
    {
        Use(new ScriptedConfigurationStore { Failure = new IOException("disk on fire") });
        var error = await ErrorAsync(() => block.GetAsync(Store, ["a", "b"], EmptyMetadata.Instance, Stop));
        Assert.Equal(
            ("ERR_CONFIGURATION_GET", "failed to get [a b] from Configuration store settings: disk on fire", 500, StatusCode.Internal),
            (error.Code, error.Message, error.Http, error.Grpc));
    }

    [Fact]
    public async Task A_store_that_refuses_a_subscription_is_told_with_the_keys()
    {
        Use(new ScriptedConfigurationStore { Failure = new IOException("no more room") });
        var error = await ErrorAsync(() => block.SubscribeAsync(Store, ["a"], EmptyMetadata.Instance, Receive, Stop));
        Assert.Equal(
            ("ERR_CONFIGURATION_SUBSCRIBE", "failed to subscribe [a] from Configuration store settings: no more room", 500, StatusCode.InvalidArgument),
            (error.Code, error.Message, error.Http, error.Grpc));
    }

    [Fact]
    public async Task Without_a_store_or_without_this_one_the_error_says_so()
    {
        var none = await ErrorAsync(() => block.GetAsync(Store, [], EmptyMetadata.Instance, Stop));
        Assert.Equal(("ERR_CONFIGURATION_STORE_NOT_CONFIGURED", 500, StatusCode.FailedPrecondition), (none.Code, none.Http, none.Grpc));
        Use(new ScriptedConfigurationStore());
        var other = await ErrorAsync(() => block.GetAsync("other", [], EmptyMetadata.Instance, Stop));
        Assert.Equal(("ERR_CONFIGURATION_STORE_NOT_FOUND", 400, StatusCode.InvalidArgument), (other.Code, other.Http, other.Grpc));
    }

    [Fact]
    public async Task A_store_that_is_not_ready_says_since_when_and_why()
    {
        var handle = new ComponentHandle(StateBench.Resource(Store), ComponentKind.Configuration, TimeProvider.System);
        handle.MarkFailed("cannot list configmaps");
        registry.Replace([handle]);
        var error = await ErrorAsync(() => block.GetAsync(Store, [], EmptyMetadata.Instance, Stop));
        Assert.Equal("ERR_CONFIGURATION_STORE_NOT_CONFIGURED", error.Code);
        Assert.Contains("cannot list configmaps", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_subscription_goes_on_with_the_component_that_takes_its_store_s_place()
    {
        var (first, second) = (new ScriptedConfigurationStore(), new ScriptedConfigurationStore());
        Use(first);
        var subscription = await block.SubscribeAsync(Store, ["a"], EmptyMetadata.Instance, Receive, Stop);
        await first.TellAsync("a", "1");

        Use(second);
        await second.Subscribed.WaitAsync(Patience, Stop);
        Assert.Equal(["a"], second.Keys);
        await second.TellAsync("a", "2");
        Assert.Equal([$"{subscription.Id} a=1", $"{subscription.Id} a=2"], told);
        Assert.True(first.Ended.IsCompleted);
        Assert.False(subscription.Ended.IsCompleted);
    }

    [Fact]
    public async Task A_subscription_waits_while_its_store_is_gone()
    {
        var (first, second) = (new ScriptedConfigurationStore(), new ScriptedConfigurationStore());
        Use(first);
        await block.SubscribeAsync(Store, [], EmptyMetadata.Instance, Receive, Stop);
        registry.Replace([]);
        await first.Ended.WaitAsync(Patience, Stop);
        Use(second);
        await second.Subscribed.WaitAsync(Patience, Stop);
    }

    [Fact]
    public async Task Who_unsubscribes_ends_it_at_the_store_once()
    {
        var store = new ScriptedConfigurationStore();
        Use(store);
        var subscription = await block.SubscribeAsync(Store, [], EmptyMetadata.Instance, Receive, Stop);
        Assert.Null(await block.UnsubscribeAsync(Store, subscription.Id));
        Assert.True(store.Ended.IsCompleted);
        Assert.True(subscription.Ended.IsCompleted);
        Assert.Equal("subscription does not exist", await block.UnsubscribeAsync(Store, subscription.Id));
    }

    [Fact]
    public async Task With_the_block_all_subscriptions_end_and_none_begins()
    {
        var store = new ScriptedConfigurationStore();
        Use(store);
        var subscription = await block.SubscribeAsync(Store, [], EmptyMetadata.Instance, Receive, Stop);
        await block.DisposeAsync();
        Assert.True(subscription.Ended.IsCompleted);
        Assert.True(store.Ended.IsCompleted);
        Assert.Equal("ERR_CONFIGURATION_SUBSCRIBE", (await ErrorAsync(() => block.SubscribeAsync(Store, [], EmptyMetadata.Instance, Receive, Stop))).Code);
    }

    private void Use(ScriptedConfigurationStore store)
    {
        var handle = new ComponentHandle(StateBench.Resource(Store), ComponentKind.Configuration, TimeProvider.System);
        handle.MarkReady(store);
        registry.Replace([handle]);
    }

    private ValueTask Receive(
        string subscription, ComponentHandle component, IReadOnlyDictionary<string, ConfigurationItem> items, CancellationToken cancellationToken)
    {
        foreach (var (key, item) in items)
        {
            told.Enqueue($"{subscription} {key}={item.Value}");
        }

        return ValueTask.CompletedTask;
    }

    private static async Task<DaprError> ErrorAsync<T>(Func<ValueTask<T>> call) => (await Assert.ThrowsAsync<DaprException>(async () => await call())).Error;
}
