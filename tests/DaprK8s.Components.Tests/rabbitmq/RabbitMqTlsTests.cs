using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>TLS in both directions: the broker's certificate is checked, and the client shows its own.</summary>
public sealed class RabbitMqTlsTests(RabbitMqTlsTests.Broker broker) : IClassFixture<RabbitMqTlsTests.Broker>
{
    [Fact]
    public async Task Messages_flow_over_mutual_TLS()
    {
        var (certificate, key) = broker.Authority.Issue("client");
        await using var pubsub = await OpenAsync("127.0.0.1", ("caCert", broker.Authority.Certificate), ("clientCert", certificate), ("clientKey", key));
        var inbox = new Inbox();
        await using var subscription = await pubsub.SubscribeAsync(
            new SubscribeRequest("orders", EmptyMetadata.Instance), inbox.HandleAsync, TestContext.Current.CancellationToken);

        await pubsub.PublishAsync(new PublishMessage("orders", "m"u8.ToArray()), TestContext.Current.CancellationToken);

        await inbox.WaitForAsync("m");
    }

    [Fact]
    public async Task A_client_without_a_certificate_is_turned_away()
        => await Assert.ThrowsAsync<BrokerUnavailableException>(() => OpenAsync("127.0.0.1", ("caCert", broker.Authority.Certificate)));

    [Fact]
    public async Task A_broker_whose_certificate_another_authority_signed_is_not_trusted()
    {
        using var stranger = new CertificateAuthority();
        var (certificate, key) = broker.Authority.Issue("client");

        var problem = await Assert.ThrowsAsync<BrokerUnavailableException>(
            () => OpenAsync("127.0.0.1", ("caCert", stranger.Certificate), ("clientCert", certificate), ("clientKey", key)));

        Assert.Contains("certificate", problem.Message);
    }

    [Fact]
    public async Task A_broker_under_another_name_than_its_certificates_is_not_trusted()
    {
        var (certificate, key) = broker.Authority.Issue("client");

        await Assert.ThrowsAsync<BrokerUnavailableException>(
            () => OpenAsync("localhost", ("caCert", broker.Authority.Certificate), ("clientCert", certificate), ("clientKey", key)));
    }

    private Task<IPubSub> OpenAsync(string host, params (string Name, string Value)[] settings)
        => ComponentUnderTest.StartAsync<IPubSub>(
            "pubsub.rabbitmq",
            settings.ToDictionary(s => s.Name, s => s.Value)
                .Append(new("connectionString", $"amqps://guest:guest@{host}:{broker.Port}"))
                .Append(new("consumerID", "app1")));

    /// <summary>A broker that wants TLS with certificates of one authority.</summary>
    public sealed class Broker : IAsyncLifetime
    {
        private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("daprk8s-tls-");
        private RabbitMqServer? server;

        /// <summary>Signs the certificates of the broker and of its clients.</summary>
        internal CertificateAuthority Authority { get; } = new();

        /// <summary>Where it takes connections with TLS.</summary>
        public int Port { get; } = Loopback.FreePort();

        /// <inheritdoc/>
        public async ValueTask InitializeAsync()
        {
            var (certificate, key) = Authority.Issue("broker");
            var (ca, cert, keyFile) = (Write("ca.pem", Authority.Certificate), Write("broker.pem", certificate), Write("broker.key", key));
            server = await RabbitMqServer.StartAsync(
                $"listeners.ssl.1 = 127.0.0.1:{Port}",
                $"ssl_options.cacertfile = {ca}",
                $"ssl_options.certfile = {cert}",
                $"ssl_options.keyfile = {keyFile}",
                "ssl_options.verify = verify_peer",
                "ssl_options.fail_if_no_peer_cert = true");
        }

        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }

            Authority.Dispose();
            directory.Delete(recursive: true);
        }

        private string Write(string name, string text)
        {
            var path = Path.Combine(directory.FullName, name);
            File.WriteAllText(path, text);
            return path;
        }
    }

    /// <summary>A certificate authority that lives for a test.</summary>
    internal sealed class CertificateAuthority : IDisposable
    {
        private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly X509Certificate2 root;

        public CertificateAuthority()
        {
            var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        }

        public string Certificate => root.ExportCertificatePem();

        public (string Certificate, string Key) Issue(string name)
        {
            using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", own, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(
                root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
            return (certificate.ExportCertificatePem(), own.ExportPkcs8PrivateKeyPem());
        }

        public void Dispose()
        {
            root.Dispose();
            key.Dispose();
        }
    }
}
