using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>Replicas, Sentinels and TLS.</summary>
public sealed class RedisTopologyTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_strong_write_waits_for_the_replicas_and_another_does_not()
    {
        await using var server = await RedisServer.StartAsync(null, "--repl-diskless-sync-delay", "0");
        await using var replica = await RedisServer.StartAsync(null, "--replicaof", $"{server.Host} {server.Port}");
        await using var raw = await RawRedis.ConnectAsync(server);
        await Eventually.TrueAsync(
            async () => ((string)(await raw.RunAsync("INFO", "replication"))!).Contains("state=online", StringComparison.Ordinal),
            "the replica follows the server");
        await using var store = await OpenStoreAsync(("redisHost", server.Address));

        await store.SetAsync(Set("plain", "1"), Stop);
        Assert.Equal(0, await raw.CallsAsync("wait"));

        await store.SetAsync(Set("strong", "1") with { Consistency = StateConsistency.Strong }, Stop);
        await store.DeleteAsync(new StateDelete("plain") { Consistency = StateConsistency.Strong }, Stop);
        Assert.Equal(2, await raw.CallsAsync("wait"));
        await using var rawReplica = await RawRedis.ConnectAsync(replica);
        Assert.Equal("1", (string?)await rawReplica.Database.HashGetAsync("strong", "data", StackExchange.Redis.CommandFlags.DemandReplica));
    }

    [Fact]
    public async Task A_strong_write_without_replicas_does_not_wait()
    {
        await using var server = await RedisServer.StartAsync();
        await using var raw = await RawRedis.ConnectAsync(server);
        await using var store = await OpenStoreAsync(("redisHost", server.Address));

        await store.SetAsync(Set("strong", "1") with { Consistency = StateConsistency.Strong }, Stop);

        Assert.Equal(0, await raw.CallsAsync("wait"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("sentinel-pw")]
    public async Task State_and_messages_survive_a_failover_to_the_replica(string? sentinelPassword)
    {
        await using var servers = await RedisSentinels.StartAsync(sentinelPassword);
        var settings = servers.Settings(sentinelPassword);
        await using var store = await OpenStoreAsync(settings);
        await using var pubsub = await ComponentUnderTest.StartAsync<IPubSub>("pubsub.redis", RawRedis.Settings(settings));
        var inbox = new Inbox();
        await using var subscription = await pubsub.SubscribeAsync(new SubscribeRequest("orders", EmptyMetadata.Instance), inbox.HandleAsync, Stop);
        await store.SetAsync(Set("k", "1") with { Consistency = StateConsistency.Strong }, Stop);
        await pubsub.PublishAsync(new PublishMessage("orders", "before"u8.ToArray()), Stop);
        await inbox.WaitForAsync("before");

        await servers.First.StopAsync();
        await Eventually.TrueAsync(async () => await TryAsync(() => store.SetAsync(Set("k2", "2"), Stop)), "the replica takes writes");
        await Eventually.TrueAsync(
            async () => await TryAsync(() => pubsub.PublishAsync(new PublishMessage("orders", "after"u8.ToArray()), Stop)), "the replica takes messages");

        Assert.Equal("1", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("k"), Stop)).Value.Span));
        await inbox.WaitForAsync("after");
    }

    [Fact]
    public async Task TLS_with_a_client_certificate_works_and_an_unknown_server_certificate_does_not()
    {
        using var files = new TlsFiles();
        var port = Loopback.FreePort();
        await using var server = await RedisServer.StartAsync(
            null, "--tls-port", $"{port}", "--tls-cert-file", files.Certificate, "--tls-key-file", files.Key, "--tls-ca-cert-file", files.Certificate);
        (string, string)[] tls =
        [
            ("redisHost", $"localhost:{port}"), ("enableTLS", "true"),
            ("clientCert", await File.ReadAllTextAsync(files.Certificate, Stop)), ("clientKey", await File.ReadAllTextAsync(files.Key, Stop)),
        ];

        await using (var store = await OpenStoreAsync([.. tls, ("insecureSkipTLSVerify", "true")]))
        {
            await store.SetAsync(Set("k", "1"), Stop);
            Assert.Equal("1", Encoding.UTF8.GetString((await store.GetAsync(new StateGet("k"), Stop)).Value.Span));
        }

        var untrusted = await Assert.ThrowsAsync<IOException>(() => OpenStoreAsync(tls));
        var anonymous = await Assert.ThrowsAsync<IOException>(() => OpenStoreAsync(tls[0], tls[1], ("insecureSkipTLSVerify", "true")));

        Assert.StartsWith($"redis store: error connecting to redis at localhost:{port}: ", untrusted.Message);
        Assert.Contains("certificate", untrusted.Message, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith($"redis store: error connecting to redis at localhost:{port}: ", anonymous.Message);
    }

    private static StateSet Set(string key, string json) => new(key, new StateValue(Encoding.UTF8.GetBytes(json), IsJson: true));

    private static Task<IStateStore> OpenStoreAsync(params (string Name, string Value)[] settings)
        => ComponentUnderTest.StartAsync<IStateStore>("state.redis", RawRedis.Settings(settings));

    private static async Task<bool> TryAsync(Func<ValueTask> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or BrokerUnavailableException)
        {
            return false;
        }
    }

    private sealed class TlsFiles : IDisposable
    {
        private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-tls-").FullName;

        public TlsFiles()
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
            File.WriteAllText(Certificate, certificate.ExportCertificatePem());
            File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        }

        public string Certificate => Path.Combine(directory, "tls.crt");

        public string Key => Path.Combine(directory, "tls.key");

        public void Dispose() => Directory.Delete(directory, recursive: true);
    }
}
