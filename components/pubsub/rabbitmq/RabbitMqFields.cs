using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>The metadata fields of <c>pubsub.rabbitmq</c> (contract: components 4.4).</summary>
internal static class RabbitMqFields
{
    public static readonly MetadataField<string> ConnectionString = Field.Text(
        "connectionString", "amqp:// or amqps:// URI of the broker; the name host is deprecated.", sensitive: true, aliases: "host");

    public static readonly MetadataField<string> Protocol = Field.Text("protocol", "amqp (default) or amqps.");

    public static readonly MetadataField<string> HostName = Field.Text(
        "hostname", "The broker's host, with or without port, when there is no connection string.", "localhost");

    public static readonly MetadataField<string> UserName = Field.Text("username", "The user, when there is no connection string.");

    public static readonly MetadataField<string> Password = Field.Text(
        "password", "The user's password, when there is no connection string.", sensitive: true);

    public static readonly MetadataField<string> ConsumerId = Field.Text(
        "consumerID", "First part of the queue names; the app id when absent.");

    public static readonly MetadataField<bool> Durable = Field.Bool(
        "durable", "Exchanges and queues survive a restart of the broker.", true);

    public static readonly MetadataField<bool> DeletedWhenUnused = Field.Bool(
        "deletedWhenUnused", "Exchanges and queues are deleted with their last user.", true);

    public static readonly MetadataField<bool> AutoAck = Field.Bool(
        "autoAck", "Messages count as handled once they are sent to the app's sidecar.");

    public static readonly MetadataField<bool> RequeueInFailure = Field.Bool(
        "requeueInFailure", "A failed message goes back to its queue.");

    public static readonly MetadataField<long> DeliveryMode = Field.Number(
        "deliveryMode", "0 or 1: messages may be lost with the broker; 2: they are written to disk.");

    public static readonly MetadataField<long> PrefetchCount = Field.Number(
        "prefetchCount", "The most unanswered messages of a subscription; 0 for any number.", 0, 0, byte.MaxValue);

    public static readonly MetadataField<TimeSpan> ReconnectWait = Field.Duration(
        "reconnectWaitSeconds", "The time between attempts to reach the broker.", TimeSpan.FromSeconds(3));

    public static readonly MetadataField<long> MaxLen = Field.Number(
        "maxLen", "The most messages a queue holds; 0 for any number.", 0, 0);

    public static readonly MetadataField<long> MaxLenBytes = Field.Number(
        "maxLenBytes", "The most bytes a queue holds; 0 for any number.", 0, 0);

    public static readonly MetadataField<string> ExchangeKind = Field.Text("exchangeKind", "fanout, topic, direct or headers.", "fanout");

    public static readonly MetadataField<bool> PublisherConfirm = Field.Bool(
        "publisherConfirm", "Publishing waits until the broker confirms that it has the message.");

    public static readonly MetadataField<bool> EnableDeadLetter = Field.Bool(
        "enableDeadLetter", "Failed messages that are not requeued go to the queue dlq-<queue>.");

    public static readonly MetadataField<string> ConcurrencyMode = Field.Text(
        "concurrencyMode", "parallel, or single: one message of a subscription at a time.", "parallel", aliases: "concurrency");

    public static readonly MetadataField<TimeSpan?> TimeToLive = Field.OptionalDuration(
        "ttlInSeconds", "Time to live of messages that name none.", "ttl");

    public static readonly MetadataField<string> ClientName = Field.Text("clientName", "The connection's name at the broker.");

    public static readonly MetadataField<TimeSpan> HeartBeat = Field.Duration(
        "heartBeat", "A connection that is silent for twice this time is lost.", TimeSpan.FromSeconds(10));

    public static readonly MetadataField<bool> SaslExternal = Field.Bool(
        "saslExternal", "Log in with the client certificate instead of a password; amqps only.");

    public static readonly MetadataField<bool> PropertiesToMetadata = Field.Bool(
        "publishMessagePropertiesToMetadata", "AMQP properties and headers of a message appear in its metadata.");

    public static IReadOnlyList<MetadataField> All { get; } =
    [
        ConnectionString, Protocol, HostName, UserName, Password, ConsumerId, Durable, DeletedWhenUnused, AutoAck, RequeueInFailure,
        DeliveryMode, PrefetchCount, ReconnectWait, MaxLen, MaxLenBytes, ExchangeKind, PublisherConfirm, EnableDeadLetter,
        ConcurrencyMode, TimeToLive, ClientName, HeartBeat, SaslExternal, PropertiesToMetadata,
        BrokerTls.CaCert, BrokerTls.ClientCert, BrokerTls.ClientKey,
    ];
}
