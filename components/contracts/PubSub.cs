namespace DaprK8s.Components;

/// <summary>What a broker can do by itself; the runtime emulates the rest (contract: messaging 1.9).</summary>
[Flags]
public enum PubSubFeatures
{
    /// <summary>Nothing more than publish and subscribe.</summary>
    None = 0,

    /// <summary>Messages expire in the broker; without it the runtime puts an <c>expiration</c> into the event.</summary>
    MessageTtl = 1,

    /// <summary>Subscription topics may hold wildcards.</summary>
    SubscribeWildcards = 2,

    /// <summary>Native bulk publish or subscribe.</summary>
    Bulk = 4,

    /// <summary>Bulk subscriptions deliver at once what is there.</summary>
    BulkSubscribeImmediate = 8,
}

/// <summary>A message on its way to a broker.</summary>
/// <param name="Topic">Where to.</param>
/// <param name="Data">A CloudEvent document or raw bytes; valid until the publish call returns.</param>
public sealed record PublishMessage(string Topic, ReadOnlyMemory<byte> Data)
{
    /// <summary>Publish metadata, as the caller spelled it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;

    /// <summary>The media type of <see cref="Data"/>, or <see langword="null"/>.</summary>
    public string? ContentType { get; init; }
}

/// <summary>A message that a broker delivers.</summary>
/// <param name="Topic">The concrete topic, also under a wildcard subscription.</param>
/// <param name="Data">The payload; the provider leaves it untouched until the message is settled.</param>
public sealed record BrokerMessage(string Topic, ReadOnlyMemory<byte> Data)
{
    /// <summary>Message metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;

    /// <summary>The media type, or <see langword="null"/> when the broker carries none.</summary>
    public string? ContentType { get; init; }
}

/// <summary>What becomes of a delivered message.</summary>
public enum Settlement
{
    /// <summary>Done: take it off the queue.</summary>
    Ack,

    /// <summary>Failed: what the broker does with a negative acknowledgement (redeliver, dead-letter, drop).</summary>
    Nack,

    /// <summary>Neither: the subscription is closing; leave it, so that another consumer gets it.</summary>
    Leave,
}

/// <summary>
/// Handles one delivered message. Never throws. The token ends when the provider gives up on the message (its own
/// processing timeout); a handler that is stopped because the subscription closes answers <see cref="Settlement.Leave"/>.
/// </summary>
public delegate ValueTask<Settlement> MessageHandler(BrokerMessage message, CancellationToken cancellationToken);

/// <summary>What to subscribe to.</summary>
/// <param name="Topic">The topic or pattern.</param>
/// <param name="Metadata">Subscription metadata.</param>
public sealed record SubscribeRequest(string Topic, IReadOnlyDictionary<string, string> Metadata);

/// <summary>
/// A running subscription. It is ended in steps, which are part of the provider contract: <see cref="PauseAsync"/> (no new
/// deliveries), then the runtime waits until the handlers in flight have answered and their answers are settled, then
/// <see cref="IAsyncDisposable.DisposeAsync"/>, which returns once the last acknowledgement is with the broker. Messages
/// that were fetched but not handed out go back to the broker.
/// </summary>
public interface ISubscription : IAsyncDisposable
{
    /// <summary>Stops new deliveries; those in flight can still be settled. Idempotent.</summary>
    ValueTask PauseAsync(CancellationToken cancellationToken);
}

/// <summary>
/// A message broker. Connection loss is the provider's own matter: it reconnects with jittered back-off and goes on, and
/// logs it; publishes fail meanwhile with <see cref="BrokerUnavailableException"/>.
/// </summary>
public interface IPubSub : IComponent
{
    /// <summary>What this instance can do.</summary>
    PubSubFeatures Features { get; }

    /// <summary>Publishes; returns once the broker has the message, as far as it is configured to confirm.</summary>
    /// <exception cref="BrokerUnavailableException">The broker can't be reached or refused for now; worth trying again.</exception>
    /// <exception cref="PublishRejectedException">The message will never be taken.</exception>
    ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken);

    /// <summary>Subscribes; returns once messages published from now on will be delivered.</summary>
    /// <param name="request">What to subscribe to.</param>
    /// <param name="handler">Called for each message, concurrently unless the component is configured otherwise.</param>
    /// <param name="cancellationToken">Gives up subscribing; has no effect once the subscription runs.</param>
    Task<ISubscription> SubscribeAsync(SubscribeRequest request, MessageHandler handler, CancellationToken cancellationToken);
}

/// <summary>The broker can't be reached or refused for now (Unavailable).</summary>
public sealed class BrokerUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The message or the request is wrong, or the component is closed (FailedPrecondition).</summary>
public sealed class PublishRejectedException(string message, Exception? inner = null) : Exception(message, inner);
