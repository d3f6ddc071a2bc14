using System.Globalization;
using DaprK8s.Common.Text;
using RabbitMQ.Client;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// What a subscription needs at the broker: its exchange, its queue with arguments, its bindings, and the dead letter pair
/// (contract: components 4.4, wire).
/// </summary>
internal sealed class SubscriptionPlan
{
    private const string Classic = "classic";
    private const string Quorum = "quorum";
    private const int LongestConsumerTag = 255;

    private readonly RabbitMqSettings settings;
    private readonly string[] routingKeys;
    private readonly Dictionary<string, object?> arguments = [];

    private SubscriptionPlan(RabbitMqSettings settings, string topic, string queue, string[] routingKeys)
    {
        this.settings = settings;
        this.routingKeys = routingKeys;
        Topic = topic;
        Queue = queue;
    }

    /// <summary>The topic, which names the exchange.</summary>
    public string Topic { get; }

    /// <summary>The queue's name.</summary>
    public string Queue { get; }

    private string DeadLetterExchange => $"dlx-{Queue}";

    private string DeadLetterQueue => $"dlq-{Queue}";

    /// <summary>Reads the subscription's metadata.</summary>
    /// <exception cref="PublishRejectedException">A setting is wrong.</exception>
    public static SubscriptionPlan Read(RabbitMqSettings settings, SubscribeRequest request)
    {
        var queue = Text("queueName");
        if (queue.Length == 0)
        {
            queue = settings.ConsumerId.Length > 0
                ? $"{settings.ConsumerId}-{request.Topic}"
                : throw new PublishRejectedException("consumerID is required for subscriptions that don't specify a queue name");
        }

        var plan = new SubscriptionPlan(settings, request.Topic, queue, Text("routingKey").Split(','));
        plan.arguments["x-queue-type"] = Text("queueType") switch
        {
            "" or Classic => Classic,
            Quorum => Quorum,
            var type => throw NotRetriable($"invalid queue type {type}. Valid types are {Classic} and {Quorum}"),
        };
        AddLimits(plan.arguments, settings.MaxLen, settings.MaxLenBytes);
        AddLimits(plan.arguments, Number("maxLen"), Number("maxLenBytes"));
        if (Number("maxPriority") is { } priority)
        {
            plan.arguments["x-max-priority"] = (int)Math.Min(priority, byte.MaxValue);
        }

        if (Truthy.IsTruthy(Text("singleActiveConsumer")))
        {
            plan.arguments["x-single-active-consumer"] = true;
        }

        if (settings.DeadLetter)
        {
            plan.arguments["x-dead-letter-exchange"] = plan.DeadLetterExchange;
        }

        return plan;

        string Text(string name) => Find(request.Metadata, name);

        long? Number(string name)
            => Text(name) is not { Length: > 0 } text ? null
                : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                : throw NotRetriable($"subscription metadata \"{name}\" must be a whole number");

        PublishRejectedException NotRetriable(string problem) => new($"error not retriable for {queue}: {problem}");
    }

    /// <summary>A consumer tag that no other subscription has.</summary>
    public string NewConsumerTag()
    {
        var tag = $"{Queue}-{Guid.NewGuid()}";
        return tag.Length <= LongestConsumerTag ? tag : tag[^LongestConsumerTag..];
    }

    /// <summary>Declares everything; what is there already with the same properties stays as it is.</summary>
    public async Task DeclareAsync(IChannel channel, CancellationToken cancellationToken)
    {
        await DeclareExchangeAsync(channel, settings, Topic, cancellationToken);
        if (settings.DeadLetter)
        {
            Dictionary<string, object?> deadLetterArguments = new() { ["x-queue-mode"] = "lazy" };
            AddLimits(deadLetterArguments, settings.MaxLen, settings.MaxLenBytes);
            await channel.ExchangeDeclareAsync(
                DeadLetterExchange, ExchangeType.Fanout, durable: true, settings.AutoDelete, cancellationToken: cancellationToken);
            await channel.QueueDeclareAsync(
                DeadLetterQueue,
                durable: true,
                exclusive: false,
                settings.AutoDelete,
                deadLetterArguments,
                cancellationToken: cancellationToken);
            await channel.QueueBindAsync(DeadLetterQueue, DeadLetterExchange, "", cancellationToken: cancellationToken);
        }

        await channel.QueueDeclareAsync(
            Queue, settings.Durable, exclusive: false, settings.AutoDelete, arguments, cancellationToken: cancellationToken);
        foreach (var key in routingKeys)
        {
            await channel.QueueBindAsync(Queue, Topic, key, cancellationToken: cancellationToken);
        }
    }

    /// <summary>Declares a topic's exchange, as publishers and subscribers both do.</summary>
    public static Task DeclareExchangeAsync(IChannel channel, RabbitMqSettings settings, string topic, CancellationToken cancellationToken)
        => channel.ExchangeDeclareAsync(
            topic, settings.ExchangeKind, settings.Durable, settings.AutoDelete, cancellationToken: cancellationToken);

    private static void AddLimits(Dictionary<string, object?> arguments, long? maxLen, long? maxLenBytes)
    {
        if (maxLen is > 0)
        {
            arguments["x-max-length"] = maxLen;
        }

        if (maxLenBytes is > 0)
        {
            arguments["x-max-length-bytes"] = maxLenBytes;
        }
    }

    private static string Find(IReadOnlyDictionary<string, string> metadata, string name)
    {
        if (metadata.TryGetValue(name, out var exact))
        {
            return exact;
        }

        foreach (var (key, value) in metadata)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return "";
    }
}
