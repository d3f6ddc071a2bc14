using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.InMemory;

/// <summary>
/// A broker inside the process: every subscription of a topic gets every message, one at a time, in publish order. Nothing
/// is stored and nothing is delivered twice (contract: components 4.2).
/// </summary>
internal sealed class InMemoryPubSub : IPubSub
{
    private readonly Lock gate = new();
    private volatile InMemorySubscription[] subscriptions = [];
    private ComponentContext? context;
    private volatile bool closed;

    /// <inheritdoc/>
    public PubSubFeatures Features => PubSubFeatures.SubscribeWildcards;

    /// <summary>The provider.</summary>
    public static ProviderDescriptor Describe()
        => new("A broker within the sidecar itself, for tests and local development.", [], () => new InMemoryPubSub());

    /// <inheritdoc/>
    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Guard(message.Topic);

        BrokerMessage? delivery = null;
        foreach (var subscription in subscriptions)
        {
            if (subscription.Matches(message.Topic))
            {
                // The publisher gets its memory back when this call returns, so all subscriptions share one copy.
                delivery ??= new BrokerMessage(message.Topic, message.Data.ToArray())
                {
                    Metadata = message.Metadata,
                    ContentType = message.ContentType,
                };
                subscription.Enqueue(delivery);
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ISubscription> SubscribeAsync(SubscribeRequest request, MessageHandler handler, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (gate)
        {
            Guard(request.Topic);
            var subscription = new InMemorySubscription(request.Topic, handler, context!, Remove);
            subscriptions = [.. subscriptions, subscription];
            return Task.FromResult<ISubscription>(subscription);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        InMemorySubscription[] open;
        lock (gate)
        {
            closed = true;
            open = subscriptions;
        }

        await Task.WhenAll(open.Select(s => s.DisposeAsync().AsTask()));
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

    private void Remove(InMemorySubscription subscription)
    {
        lock (gate)
        {
            subscriptions = [.. subscriptions.Where(s => s != subscription)];
        }
    }
}
