using DaprK8s.Components.Metadata;
using RabbitMQ.Client;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>The settings of one component, checked and typed.</summary>
internal sealed record RabbitMqSettings
{
    public const string ErrorPrefix = "rabbitmq pub/sub error:";

    // RabbitMQ itself takes no larger message.
    private const uint LargestMessage = 512 << 20;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private static readonly string[] ExchangeKinds = [ExchangeType.Fanout, ExchangeType.Topic, ExchangeType.Direct, ExchangeType.Headers];

    public required BrokerAddress Address { get; init; }

    public required string ConsumerId { get; init; }

    public required bool Durable { get; init; }

    public required bool AutoDelete { get; init; }

    public required bool AutoAck { get; init; }

    public required bool Requeue { get; init; }

    /// <summary>0 leaves the property out.</summary>
    public required DeliveryModes DeliveryMode { get; init; }

    public required byte PrefetchCount { get; init; }

    public required TimeSpan ReconnectWait { get; init; }

    public required long MaxLen { get; init; }

    public required long MaxLenBytes { get; init; }

    public required string ExchangeKind { get; init; }

    public required bool Confirm { get; init; }

    public required bool DeadLetter { get; init; }

    /// <summary>One message of a subscription at a time.</summary>
    public required bool Single { get; init; }

    public required TimeSpan? TimeToLive { get; init; }

    public required bool PropertiesToMetadata { get; init; }

    public required ConnectionFactory Factory { get; init; }

    /// <summary>Reads the component's metadata.</summary>
    /// <exception cref="ComponentMetadataException">A field is wrong.</exception>
    public static RabbitMqSettings Read(ComponentMetadata metadata)
    {
        var address = BrokerAddress.Read(metadata);
        return new RabbitMqSettings
        {
            Address = address,
            ConsumerId = metadata.Get(RabbitMqFields.ConsumerId),
            Durable = metadata.Get(RabbitMqFields.Durable),
            AutoDelete = metadata.Get(RabbitMqFields.DeletedWhenUnused),
            AutoAck = metadata.Get(RabbitMqFields.AutoAck),
            Requeue = metadata.Get(RabbitMqFields.RequeueInFailure),
            DeliveryMode = ReadDeliveryMode(metadata),
            PrefetchCount = (byte)metadata.Get(RabbitMqFields.PrefetchCount),
            ReconnectWait = metadata.Get(RabbitMqFields.ReconnectWait),
            MaxLen = metadata.Get(RabbitMqFields.MaxLen),
            MaxLenBytes = metadata.Get(RabbitMqFields.MaxLenBytes),
            ExchangeKind = ReadExchangeKind(metadata),
            Confirm = metadata.Get(RabbitMqFields.PublisherConfirm),
            DeadLetter = metadata.Get(RabbitMqFields.EnableDeadLetter),
            Single = ReadSingle(metadata),
            TimeToLive = ReadTimeToLive(metadata),
            PropertiesToMetadata = metadata.Get(RabbitMqFields.PropertiesToMetadata),
            Factory = MakeFactory(address, metadata),
        };
    }

    private static DeliveryModes ReadDeliveryMode(ComponentMetadata metadata)
        => metadata.Get(RabbitMqFields.DeliveryMode) is var mode and >= 0 and <= 2
            ? (DeliveryModes)mode
            : throw Wrong(RabbitMqFields.DeliveryMode, "invalid RabbitMQ delivery mode, accepted values are between 0 and 2");

    private static string ReadExchangeKind(ComponentMetadata metadata)
        => metadata.Get(RabbitMqFields.ExchangeKind) switch
        {
            "" => ExchangeType.Fanout,
            var kind when ExchangeKinds.Contains(kind) => kind,
            var kind => throw Wrong(RabbitMqFields.ExchangeKind, $"invalid RabbitMQ exchange kind {kind}"),
        };

    private static bool ReadSingle(ComponentMetadata metadata)
        => metadata.Get(RabbitMqFields.ConcurrencyMode) switch
        {
            var mode when mode.Equals("single", StringComparison.OrdinalIgnoreCase) => true,
            var mode when mode.Length == 0 || mode.Equals("parallel", StringComparison.OrdinalIgnoreCase) => false,
            var mode => throw new ComponentMetadataException(RabbitMqFields.ConcurrencyMode.Name, $"invalid concurrencyMode {mode}"),
        };

    private static TimeSpan? ReadTimeToLive(ComponentMetadata metadata)
        => metadata.Get(RabbitMqFields.TimeToLive) is var ttl && (ttl is null || ttl > TimeSpan.Zero)
            ? ttl
            : throw Wrong(RabbitMqFields.TimeToLive, "parse RabbitMQ ttl metadata with error: ttl value must be higher than zero");

    private static ConnectionFactory MakeFactory(BrokerAddress address, ComponentMetadata metadata)
    {
        var tls = BrokerTls.Read(metadata);
        var external = metadata.Get(RabbitMqFields.SaslExternal);
        if (external && (metadata.Get(BrokerTls.CaCert).Length == 0 || tls.Client is null))
        {
            throw Wrong(
                RabbitMqFields.SaslExternal,
                "saslExternal can only be set to true, when all these properties are set: "
                + $"{BrokerTls.CaCert.Name}, {BrokerTls.ClientCert.Name}, {BrokerTls.ClientKey.Name}");
        }

        var factory = new ConnectionFactory
        {
            HostName = address.Host,
            Port = address.Port < 0 ? AmqpTcpEndpoint.UseDefaultPort : address.Port,
            VirtualHost = address.VirtualHost,
            UserName = address.UserName,
            Password = address.Password,
            RequestedHeartbeat = metadata.Get(RabbitMqFields.HeartBeat),
            RequestedConnectionTimeout = ConnectTimeout,
            MaxInboundMessageBodySize = LargestMessage,

            // Recovery is the subscriptions' and the publisher's own: the client's would declare and consume a second time.
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
        };
        if (metadata.Get(RabbitMqFields.ClientName) is { Length: > 0 } clientName)
        {
            factory.ClientProvidedName = clientName;
        }

        if (address.IsTls)
        {
            factory.Ssl = new SslOption(address.Host, enabled: true)
            {
                CertificateValidationCallback = (_, certificate, chain, errors) => tls.Accepts(certificate, chain, errors),
            };
            if (tls.Client is not null)
            {
                factory.Ssl.Certs = [tls.Client];
            }

            if (external)
            {
                factory.AuthMechanisms = [new ExternalMechanismFactory()];
            }
        }

        return factory;
    }

    private static ComponentMetadataException Wrong(MetadataField field, string problem) => new(field.Name, $"{ErrorPrefix} {problem}");
}
