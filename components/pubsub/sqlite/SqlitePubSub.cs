using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>
/// A broker without a server: the apps of one machine share a SQLite file (decision 003). Each consumer id gets each
/// message that was published since its first subscription, at least once; subscribers with the same consumer id share them.
/// </summary>
internal sealed class SqlitePubSub : IPubSub
{
    private readonly ConcurrentDictionary<SqliteSubscription, bool> subscriptions = new();
    private ComponentContext context = null!;
    private SqlitePubSubSettings settings = null!;
    private BrokerLoop? loop;
    private volatile bool closed;

    /// <inheritdoc/>
    public PubSubFeatures Features => PubSubFeatures.MessageTtl;

    /// <summary>The provider.</summary>
    public static ProviderDescriptor Describe()
        => new("A broker in a SQLite file that the apps of one machine share, for local development without any server.",
            SqlitePubSubSettings.Fields, () => new SqlitePubSub());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        settings = SqlitePubSubSettings.Read(context.Metadata);
        loop = new BrokerLoop(settings, await BrokerFile.OpenAsync(settings, context.Time, cancellationToken), context);
    }

    /// <inheritdoc/>
    public ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken)
    {
        Guard(message.Topic);
        cancellationToken.ThrowIfCancellationRequested();
        return new(loop!.SendAsync(new PublishCommand(message, ReadExpiry(message)), cancellationToken));
    }

    /// <inheritdoc/>
    public async Task<ISubscription> SubscribeAsync(SubscribeRequest request, MessageHandler handler, CancellationToken cancellationToken)
    {
        Guard(request.Topic);
        if (settings.ConsumerId.Length == 0)
        {
            throw new PublishRejectedException("consumerID is required for subscriptions");
        }

        var subscription = new SqliteSubscription(
            loop!, request.Topic, settings.ConsumerId, settings.Concurrency, handler, context, s => subscriptions.TryRemove(s, out _));
        subscriptions.TryAdd(subscription, true);
        try
        {
            await loop!.SendAsync(new OpenCommand(subscription), cancellationToken);
            return subscription;
        }
        catch
        {
            await subscription.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (closed || loop is null)
        {
            closed = true;
            return;
        }

        closed = true;
        await Task.WhenAll(subscriptions.Keys.Select(s => s.DisposeAsync().AsTask()));
        await loop.DisposeAsync();
    }

    private void Guard(string topic)
    {
        if (closed)
        {
            throw Refusal.Closed();
        }

        if (topic.Length == 0)
        {
            throw Refusal.NoTopic();
        }
    }

    private long? ReadExpiry(PublishMessage message)
    {
        try
        {
            return MessageTtl.TryRead(message.Metadata, out var ttl) ? (context.Time.GetUtcNow() + ttl).ToUnixTimeMilliseconds() : null;
        }
        catch (FormatException)
        {
            context.Logger.LogWarning(
                "{Component}: publishing to {Topic}: the time to live is not valid, it is ignored", context.LogName, message.Topic);
            return null;
        }
    }
}
