using System.Collections.Concurrent;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>The configuration building block of both surfaces (contract: api 1.13, 2.9, operations 6.5).</summary>
internal sealed class ConfigurationBlock(ComponentRegistry registry, ComponentRoad road, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ConfigurationSubscription> subscriptions = new(StringComparer.Ordinal);
    private volatile bool isClosed;

    /// <summary>Reads items; all when no key is named.</summary>
    public async ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> GetAsync(
        string store, IReadOnlyList<string> keys, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        using var use = await OpenAsync(store, cancellationToken);
        try
        {
            return await road.CallAsync(
                use.Component, "get", (instance: use.Instance, keys, metadata), static (s, ct) => s.instance.GetAsync(s.keys, s.metadata, ct), cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw ConfigurationErrors.Get(keys, store, e).ToException(e);
        }
    }

    /// <summary>Begins to follow items, until it is ended or the sidecar stops.</summary>
    /// <param name="store">The store.</param>
    /// <param name="keys">Which items; none for all.</param>
    /// <param name="metadata">The request's metadata.</param>
    /// <param name="receiver">Told the changed items.</param>
    /// <param name="cancellationToken">Gives up beginning.</param>
    public async ValueTask<ConfigurationSubscription> SubscribeAsync(
        string store,
        IReadOnlyList<string> keys,
        IReadOnlyDictionary<string, string> metadata,
        ConfigurationReceiver receiver,
        CancellationToken cancellationToken)
    {
        // Its component may be replaced later on; that it is there and takes the subscription now is what the caller is told.
        using (await OpenAsync(store, cancellationToken))
        {
            var subscription = new ConfigurationSubscription(store, keys, metadata, receiver, registry, road, time, logger);
            subscriptions[subscription.Id] = subscription;
            try
            {
                await subscription.StartAsync(cancellationToken);
                return isClosed ? throw new InvalidOperationException("the sidecar is shutting down") : subscription;
            }
            catch (Exception e)
            {
                await EndAsync(subscription);
                throw IsFailure(e, cancellationToken) ? ConfigurationErrors.Subscribe(keys, store, e).ToException(e) : e;
            }
        }
    }

    /// <summary>Ends a subscription.</summary>
    /// <returns>Why that can't be, or <see langword="null"/>.</returns>
    /// <exception cref="Errors.DaprException">There is no such store.</exception>
    public async ValueTask<string?> UnsubscribeAsync(string store, string id)
    {
        _ = Find(store);
        if (!subscriptions.TryGetValue(id, out var subscription) || subscription.Store != store)
        {
            return "subscription does not exist";
        }

        await EndAsync(subscription);
        return null;
    }

    /// <summary>Ends a subscription that may have ended already.</summary>
    public async ValueTask EndAsync(ConfigurationSubscription subscription)
    {
        subscriptions.TryRemove(subscription.Id, out _);
        await subscription.DisposeAsync();
    }

    /// <summary>Ends all subscriptions for good.</summary>
    public async ValueTask DisposeAsync()
    {
        isClosed = true;
        await Task.WhenAll(subscriptions.Values.Select(s => EndAsync(s).AsTask()));
    }

    private ComponentHandle Find(string store)
        => registry.Find(ComponentKind.Configuration, store)
            ?? throw (registry.HasAny(ComponentKind.Configuration) ? ConfigurationErrors.NotFound(store) : ConfigurationErrors.NotConfigured()).ToException();

    private async ValueTask<ComponentUse<IConfigurationStore>> OpenAsync(string store, CancellationToken cancellationToken)
    {
        try
        {
            return await Find(store).UseAsync<IConfigurationStore>(cancellationToken);
        }
        catch (ComponentNotReadyException e)
        {
            throw ConfigurationErrors.NotReady(e.Message).ToException(e);
        }
    }

    /// <summary>Everything is the call's failure but the caller's going away.</summary>
    private static bool IsFailure(Exception e, CancellationToken cancellationToken)
        => e is not OperationCanceledException || !cancellationToken.IsCancellationRequested;
}
