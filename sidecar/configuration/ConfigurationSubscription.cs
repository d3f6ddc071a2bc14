using DaprK8s.Common.Hosting;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>
/// A subscription, from its beginning until it is ended. When its store is replaced while the sidecar runs, it goes on with the new one.
/// </summary>
internal sealed class ConfigurationSubscription(
    string store,
    IReadOnlyList<string> keys,
    IReadOnlyDictionary<string, string> metadata,
    ConfigurationReceiver receiver,
    ComponentRegistry registry,
    ComponentRoad road,
    TimeProvider time,
    ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BackOff pause = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(60));
    private Task loop = Task.CompletedTask;

    /// <summary>What the app knows it by.</summary>
    public string Id { get; } = Guid.NewGuid().ToString();

    /// <summary>The store's name.</summary>
    public string Store => store;

    /// <summary>Completes when it has been ended.</summary>
    public Task Ended => ended.Task;

    /// <summary>Begins; returns when the store has taken the subscription.</summary>
    /// <exception cref="Exception">The store has refused it.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        loop = Task.Run(RunAsync);
        return begun.Task.WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await loop;
        ended.TrySetResult();
    }

    private async Task RunAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var replaced = registry.Changed;
                if (registry.Find(ComponentKind.Configuration, store) is not { } component)
                {
                    await replaced.WaitAsync(stop.Token);
                    continue;
                }

                var changed = component.Changed;
                if (!component.TryUse(out ComponentUse<IConfigurationStore> use))
                {
                    await Task.WhenAny(changed, replaced).WaitAsync(stop.Token);
                    continue;
                }

                using (use)
                {
                    await FollowAsync(component, use.Instance);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (begun.TrySetException(e))
                {
                    return;
                }

                logger.LogError("the subscription {Id} to configuration store {Store} is interrupted, trying again: {Error}", Id, store, e.Message);
                await Task.Delay(pause.Next(), time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task FollowAsync(ComponentHandle component, IConfigurationStore instance)
    {
        var source = await road.CallAsync(
            component,
            "subscribe",
            (self: this, component, instance),
            static (s, ct) => s.instance.SubscribeAsync(s.self.Keys, s.self.Metadata, (items, c) => s.self.TakeAsync(s.component, items, c), ct),
            stop.Token);
        try
        {
            begun.TrySetResult();
            pause.Reset();
            while (component.Instance == instance && registry.Find(ComponentKind.Configuration, store) == component)
            {
                var signal = Task.WhenAny(registry.Changed, component.Changed);
                if (component.Instance == instance && registry.Find(ComponentKind.Configuration, store) == component)
                {
                    await signal.WaitAsync(stop.Token);
                }
            }
        }
        finally
        {
            await source.DisposeAsync();
        }
    }

    private IReadOnlyList<string> Keys => keys;

    private IReadOnlyDictionary<string, string> Metadata => metadata;

    private ValueTask TakeAsync(ComponentHandle component, IReadOnlyDictionary<string, ConfigurationItem> items, CancellationToken cancellationToken)
        => receiver(Id, component, items, cancellationToken);
}
