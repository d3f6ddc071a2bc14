using DaprK8s.Components.Metadata;
using DaprK8s.Components.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>What pub/sub needs to know beyond the connection (contract: components 4.3).</summary>
internal sealed record RedisStreamSettings
{
    private static readonly TimeSpan ShortestBlock = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestBlock = TimeSpan.FromSeconds(10);

    private static readonly MetadataField<string> ConsumerIdField = Field.Text(
        "consumerID", "Name of the consumer group and of the consumer; the app id when absent.");

    private static readonly MetadataField<TimeSpan> ProcessingTimeoutField = RedisFields.Duration(
        "processingTimeout", "How long a handler may take, and after which a message without an answer is delivered again; 0 for neither.",
        TimeSpan.FromSeconds(60));

    private static readonly MetadataField<TimeSpan> RedeliverIntervalField = RedisFields.Duration(
        "redeliverInterval", "How often to look for messages without an answer; 0 for never.", TimeSpan.FromSeconds(15));

    private static readonly MetadataField<long> QueueDepthField = Field.Number(
        "queueDepth", "The most messages of a subscription that are fetched ahead.", 100, 0, 1_000_000);

    private static readonly MetadataField<long> ConcurrencyField = Field.Number(
        "concurrency", "The most messages of a subscription that are handled at once.", 10, 1, 100_000);

    private static readonly MetadataField<long> MaxLenApproxField = Field.Number(
        "maxLenApprox", "Publishing trims the stream to about this many entries; 0 for no limit.", 0, 0);

    private static readonly MetadataField<TimeSpan> StreamTtlField = RedisFields.Duration(
        "streamTTL", "Publishing trims entries that are older than this; not together with maxLenApprox.", TimeSpan.Zero);

    /// <summary>All fields of <c>pubsub.redis</c>.</summary>
    public static IReadOnlyList<MetadataField> Fields { get; } =
    [
        .. RedisProfile.PubSub.Fields, ConsumerIdField, ProcessingTimeoutField, RedeliverIntervalField, QueueDepthField, ConcurrencyField,
        MaxLenApproxField, StreamTtlField,
    ];

    public required string ConsumerId { get; init; }

    /// <summary>Zero when messages are neither timed nor delivered again.</summary>
    public required TimeSpan ProcessingTimeout { get; init; }

    public required TimeSpan RedeliverInterval { get; init; }

    public required int QueueDepth { get; init; }

    public required int Concurrency { get; init; }

    /// <summary>Zero for no limit.</summary>
    public required long MaxLenApprox { get; init; }

    /// <summary>Zero for no limit.</summary>
    public required TimeSpan StreamTtl { get; init; }

    /// <summary>How long a read waits at the server for messages.</summary>
    public required TimeSpan Block { get; init; }

    /// <summary>Messages without an answer are delivered again.</summary>
    public bool Redelivers => ProcessingTimeout > TimeSpan.Zero;

    /// <summary>Reads the component's metadata.</summary>
    /// <exception cref="ComponentMetadataException">A field is wrong.</exception>
    public static RedisStreamSettings Read(ComponentContext context, RedisSettings connection)
    {
        var metadata = context.Metadata;
        var (processing, interval) = (metadata.Get(ProcessingTimeoutField), metadata.Get(RedeliverIntervalField));
        var redelivers = processing > TimeSpan.Zero && interval > TimeSpan.Zero;
        return new RedisStreamSettings
        {
            ConsumerId = ReadConsumerId(context),
            ProcessingTimeout = redelivers ? processing : TimeSpan.Zero,
            RedeliverInterval = redelivers ? interval : TimeSpan.Zero,
            QueueDepth = Math.Max(1, (int)metadata.Get(QueueDepthField)),
            Concurrency = (int)metadata.Get(ConcurrencyField),
            MaxLenApprox = metadata.Get(MaxLenApproxField),
            StreamTtl = metadata.Get(StreamTtlField),
            Block = connection.ReadTimeout < TimeSpan.Zero || connection.ReadTimeout > LongestBlock ? LongestBlock
                : connection.ReadTimeout < ShortestBlock ? ShortestBlock
                : connection.ReadTimeout,
        };
    }

    private static string ReadConsumerId(ComponentContext context)
    {
        var id = context.Metadata.Get(ConsumerIdField);
        id = id.Length > 0 ? id : context.AppId;
        return id.Length > 0 ? id : throw new ComponentMetadataException(ConsumerIdField.Name, "is empty, and there is no app id to take instead");
    }
}
