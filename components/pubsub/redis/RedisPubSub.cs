using System.Collections.Concurrent;
using System.Globalization;
using DaprK8s.Components.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>
/// Pub/sub over Redis streams (contract: components 4.3). A topic is a stream, a consumer id a consumer group on it, so that
/// sidecars of this kind and of Dapr's share the messages of a group.
/// </summary>
internal sealed class RedisPubSub : IPubSub
{
    private const string DataField = "data";
    private const string MetadataField = "metadata";

    private readonly ConcurrentDictionary<RedisSubscription, bool> subscriptions = new();
    private readonly Lock gate = new();
    private ComponentContext context = null!;
    private RedisStreamSettings settings = null!;
    private RedisClient? client;
    private volatile bool closed;

    /// <inheritdoc/>
    public PubSubFeatures Features => PubSubFeatures.None;

    /// <summary>The provider.</summary>
    public static ProviderDescriptor Describe() => new("Redis streams with consumer groups.", RedisStreamSettings.Fields, () => new RedisPubSub());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        var connection = RedisProfile.PubSub.Read(context.Metadata);
        settings = RedisStreamSettings.Read(context, connection);
        if (settings.MaxLenApprox > 0 && settings.StreamTtl > TimeSpan.Zero)
        {
            context.Logger.LogWarning(
                "{Component}: a stream can be trimmed in one way only; maxLenApprox counts and streamTTL does not", context.LogName);
        }

        client = await RedisClient.ConnectAsync(connection, RedisProfile.PubSub.Title, context, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken)
    {
        var target = Guard(message.Topic);
        try
        {
            await target.WriteAsync((settings, message, context.Time), static (db, s) => AddAsync(db, s.settings, s.message, s.Time), cancellationToken);
        }
        catch (Exception e) when (e is RedisException or RedisTimeoutException or RedisCommandException)
        {
            throw new BrokerUnavailableException($"redis streams: error from publish: {target.Explain(e)}", e);
        }
        catch (ObjectDisposedException) when (closed)
        {
            throw Refusal.Closed();
        }
    }

    /// <inheritdoc/>
    public async Task<ISubscription> SubscribeAsync(SubscribeRequest request, MessageHandler handler, CancellationToken cancellationToken)
    {
        RedisSubscription subscription;
        lock (gate)
        {
            subscription = new RedisSubscription(
                Guard(request.Topic), settings, request.Topic, handler, context, s => subscriptions.TryRemove(s, out _));
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
        if (client is not null)
        {
            await client.DisposeAsync();
        }
    }

    private static Task<RedisValue> AddAsync(IDatabase database, RedisStreamSettings settings, PublishMessage message, TimeProvider time)
    {
        var options = new StreamAddOptions
        {
            Approximate = true,
            MaxLength = settings.MaxLenApprox > 0 ? settings.MaxLenApprox : null,
            MinId = settings.MaxLenApprox > 0 || settings.StreamTtl <= TimeSpan.Zero ? RedisValue.Null : OldestId(time, settings.StreamTtl),
        };
        return message.Metadata.Count == 0
            ? database.StreamAddAsync(message.Topic, DataField, message.Data, options)
            : database.StreamAddAsync(
                message.Topic, [new(DataField, message.Data), new(MetadataField, StreamMetadata.Write(message.Metadata))], options);
    }

    private static string OldestId(TimeProvider time, TimeSpan age)
        => string.Create(CultureInfo.InvariantCulture, $"{(time.GetUtcNow() - age).ToUnixTimeMilliseconds()}-1");

    private RedisClient Guard(string topic)
    {
        if (closed)
        {
            throw Refusal.Closed();
        }

        if (topic.Length == 0)
        {
            throw Refusal.NoTopic();
        }

        return client ?? throw new InvalidOperationException("the component is not initialised");
    }
}
