using System.Collections.Concurrent;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// Pub/sub over RabbitMQ (contract: components 4.4). A topic is an exchange, a consumer id's subscription to it a queue.
/// Publishing and consuming have a connection each, so that a broker that takes no messages still takes acknowledgements.
/// </summary>
internal sealed class RabbitMqPubSub : IPubSub
{
    private readonly ConcurrentDictionary<RabbitMqSubscription, bool> subscriptions = new();
    private readonly Lock gate = new();
    private ComponentContext context = null!;
    private RabbitMqSettings settings = null!;
    private RabbitMqLink? spare;
    private RabbitMqLink? consumerLink;
    private RabbitMqLink? publisherLink;
    private RabbitMqPublisher? publisher;
    private volatile bool closed;

    /// <inheritdoc/>
    public PubSubFeatures Features => PubSubFeatures.MessageTtl;

    /// <summary>The provider.</summary>
    public static ProviderDescriptor Describe() => new("RabbitMQ over AMQP 0-9-1.", RabbitMqFields.All, () => new RabbitMqPubSub());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        settings = RabbitMqSettings.Read(context.Metadata);
        spare = new RabbitMqLink(settings, context);
        await spare.GetAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken)
    {
        Guard(message.Topic);
        cancellationToken.ThrowIfCancellationRequested();
        return (publisher ?? MakePublisher()).PublishAsync(message, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ISubscription> SubscribeAsync(SubscribeRequest request, MessageHandler handler, CancellationToken cancellationToken)
    {
        Guard(request.Topic);
        var plan = SubscriptionPlan.Read(settings, request);
        RabbitMqSubscription subscription;
        lock (gate)
        {
            Guard(request.Topic);
            consumerLink ??= TakeLink();
            subscription = new RabbitMqSubscription(consumerLink, settings, plan, handler, context, Remove);
            subscriptions.TryAdd(subscription, true);
        }

        await subscription.StartAsync(cancellationToken);
        return subscription;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (gate)
        {
            closed = true;
        }

        await Task.WhenAll(subscriptions.Keys.Select(s => s.DisposeAsync().AsTask()));
        if (publisher is not null)
        {
            await publisher.DisposeAsync();
        }

        foreach (var link in new[] { spare, consumerLink, publisherLink })
        {
            if (link is not null)
            {
                await link.DisposeAsync();
            }
        }
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

    private RabbitMqPublisher MakePublisher()
    {
        lock (gate)
        {
            if (closed)
            {
                throw Refusal.Closed();
            }

            publisherLink ??= TakeLink();
            return publisher ??= new RabbitMqPublisher(publisherLink, settings, context);
        }
    }

    // The connection made at the start goes to whoever comes first, so that a one-way app has just one.
    private RabbitMqLink TakeLink()
    {
        var link = spare ?? new RabbitMqLink(settings, context);
        spare = null;
        return link;
    }

    private void Remove(RabbitMqSubscription subscription)
    {
        subscriptions.TryRemove(subscription, out _);
        if (settings.AutoDelete)
        {
            // The broker deletes an exchange along with its last queue.
            publisher?.Forget(subscription.Topic);
        }
    }
}
