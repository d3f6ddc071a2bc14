using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>Settings that are wrong, and that secrets stay out of what is said about them.</summary>
[Collection(nameof(RabbitMqCollection))]
public sealed class RabbitMqMetadataTests(RabbitMqFixture fixture) : RabbitMqTests(fixture)
{
    private const string Secret = "s3cr3t";

    public static TheoryData<string, string, string> WrongSettings { get; } = new()
    {
        { "connectionString", $"localhost with {Secret}", "rabbitmq pub/sub error: invalid connection string: " },
        { "connectionString", $"http://user:{Secret}@localhost", "rabbitmq pub/sub error: invalid connection string: " },
        { "connectionString", $"amqp://user:{Secret}@localhost/a/b", "rabbitmq pub/sub error: invalid connection string: " },
        { "protocol", "amqps", "rabbitmq pub/sub error: protocol does not match connection string, protocol: amqps, connection string: amqp://" },
        { "protocol", "http", "invalid protocol http" },
        { "deliveryMode", "3", "invalid RabbitMQ delivery mode, accepted values are between 0 and 2" },
        { "exchangeKind", "round", "invalid RabbitMQ exchange kind round" },
        { "concurrencyMode", "double", "invalid concurrencyMode double" },
        { "ttlInSeconds", "0", "ttl value must be higher than zero" },
        { "saslExternal", "true", "saslExternal can only be set to true, when all these properties are set: caCert, clientCert, clientKey" },
        { "caCert", Secret, "invalid TLS configuration: invalid caCert" },
        { "clientCert", Secret, "invalid TLS configuration: invalid clientCert" },
        { "clientKey", Secret, "invalid TLS configuration: invalid clientKey" },
        { "caCert", $"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "unable to load CA certificate" },
        { "prefetchCount", "256", "expected a whole number from 0 to 255" },
        { "heartBeat", "often", "expected a duration" },
    };

    [Theory]
    [MemberData(nameof(WrongSettings))]
    public async Task A_wrong_setting_is_named_and_no_secret_is_told(string name, string value, string expected)
    {
        var problem = await Assert.ThrowsAsync<ComponentMetadataException>(() => OpenAsync((name, value)));

        Assert.Equal(name, problem.Field);
        Assert.Contains(expected, problem.Message);
        Assert.DoesNotContain(Secret, problem.ToString());
        Assert.DoesNotContain(Fixture.Server.Password + "@", problem.ToString());
    }

    [Fact]
    public async Task A_client_certificate_and_a_key_that_do_not_belong_together_are_refused()
    {
        var (certificate, _) = MakeCertificate();
        var (_, key) = MakeCertificate();

        var problem = await Assert.ThrowsAsync<ComponentMetadataException>(() => OpenAsync(("clientCert", certificate), ("clientKey", key)));

        Assert.Contains("unable to load client certificate and key pair. Err: ", problem.Message);
    }

    [Fact]
    public async Task A_client_certificate_without_its_key_is_ignored()
    {
        await OpenAsync(("clientCert", MakeCertificate().Certificate));
    }

    [Fact]
    public async Task A_refused_login_is_an_error_that_does_not_tell_the_password()
    {
        var problem = await Assert.ThrowsAsync<BrokerUnavailableException>(
            () => OpenAsync(("connectionString", $"amqp://guest:{Secret}@{Fixture.Server.Address}")));

        Assert.Contains("ACCESS_REFUSED", problem.Message);
        Assert.DoesNotContain(Secret, problem.ToString());
        Assert.DoesNotContain(Log.Lines, l => l.Text.Contains(Secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_broker_that_is_not_there_is_an_error_worth_another_attempt()
    {
        var problem = await Assert.ThrowsAsync<BrokerUnavailableException>(
            () => OpenAsync(("connectionString", $"amqp://guest:{Secret}@127.0.0.1:{Loopback.FreePort()}")));

        Assert.DoesNotContain(Secret, problem.ToString());
    }

    [Fact]
    public async Task An_unknown_queue_type_is_refused_at_once()
    {
        var pubsub = await OpenAsync();

        var problem = await Assert.ThrowsAsync<PublishRejectedException>(
            () => SubscribeAsync(pubsub, "orders", new Inbox(), ("queueType", "stream")));

        Assert.Equal("error not retriable for app1-orders: invalid queue type stream. Valid types are classic and quorum", problem.Message);
    }

    [Fact]
    public async Task A_subscription_needs_a_consumer_id_or_a_queue_name()
    {
        var pubsub = await OpenAsync(("consumerID", ""));

        var problem = await Assert.ThrowsAsync<PublishRejectedException>(() => SubscribeAsync(pubsub, "orders", new Inbox()));

        Assert.Equal("consumerID is required for subscriptions that don't specify a queue name", problem.Message);
        var named = new Inbox();
        var topic = NewTopic();
        await SubscribeAsync(pubsub, topic, named, ("queueName", topic));
        await PublishAsync(pubsub, topic, "m");
        await named.WaitForAsync("m");
    }

    [Fact]
    public async Task A_queue_that_is_there_with_other_arguments_keeps_the_subscription_waiting_and_the_log_says_why()
    {
        var topic = NewTopic();
        var channel = await OpenChannelAsync();
        await channel.QueueDeclareAsync($"app1-{topic}", durable: true, exclusive: false, autoDelete: false, cancellationToken: Stop);
        var inbox = new Inbox();
        var pubsub = await OpenAsync();

        var subscribing = SubscribeAsync(pubsub, topic, inbox);
        await Support.Eventually.TrueAsync(
            () => Log.Lines.Any(l => l.Text.Contains("PRECONDITION_FAILED", StringComparison.Ordinal)), "the broker's reason in the log");
        await channel.QueueDeleteAsync($"app1-{topic}", ifUnused: false, ifEmpty: false, cancellationToken: Stop);

        await subscribing;
        await PublishAsync(pubsub, topic, "m");
        await inbox.WaitForAsync("m");
    }

    private static (string Certificate, string Key) MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
