using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>Transport security, against a server whose certificate bears the name <c>db.example.test</c>.</summary>
public sealed class PostgresTlsTests(PostgresTlsTests.TlsServer tls) : PostgresStateTests, IClassFixture<PostgresTlsTests.TlsServer>
{
    private string Connection => $"port={tls.Server.Port} user={tls.Server.User} password={tls.Server.Password} dbname=postgres";

    [Theory]
    [InlineData("host=127.0.0.1 sslmode=require")]
    [InlineData("host=127.0.0.1 sslmode=prefer sslrootcert={other}")]
    [InlineData("host=127.0.0.1 sslmode=require sslrootcert={ca}")]
    [InlineData("host=127.0.0.1 sslmode=verify-ca sslrootcert={ca}")]
    [InlineData("host=db.example.test hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={ca}")]
    public async Task A_connection_is_secured(string settings)
    {
        await using var store = await ComponentUnderTest.StartAsync<IStateStore>(
            "state.postgresql", [new("connectionString", $"{Fill(settings)} {Connection} application_name=secured")], "v2");

        await store.SetAsync(SetOf("k", "1"), Cancel);
        Assert.Equal("1", await TextAsync(store, "k"));
        await using var database = new PostgresTestDatabase(tls.Server, "postgres");
        Assert.True(await database.ScalarAsync<bool>(
            "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'secured'"));
    }

    [Theory]
    [InlineData("host=127.0.0.1 sslmode=require sslrootcert={other}")]
    [InlineData("host=127.0.0.1 sslmode=verify-ca sslrootcert={other}")]
    [InlineData("host=127.0.0.1 sslmode=verify-full sslrootcert={ca}")]
    [InlineData("host=another.example.test hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={ca}")]
    [InlineData("host=127.0.0.1 sslmode=verify-ca sslrootcert=system")]
    public async Task A_server_that_is_not_who_it_should_be_is_refused(string settings)
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(() => ComponentUnderTest.StartAsync<IStateStore>(
            "state.postgresql", [new("connectionString", $"{Fill(settings)} {Connection}")], "v2"));

        Assert.Contains("certificate", error.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_field_sslRootCert_names_the_authority()
    {
        await using var store = await ComponentUnderTest.StartAsync<IStateStore>(
            "state.postgresql",
            [new("connectionString", $"host=db.example.test sslmode=verify-full {Connection}"), new("hostaddr", "127.0.0.1"), new("sslRootCert", tls.AuthorityPath)],
            "v2");

        await store.SetAsync(SetOf("k", "1"), Cancel);
    }

    private string Fill(string settings)
        => settings.Replace("{ca}", tls.AuthorityPath, StringComparison.Ordinal).Replace("{other}", tls.OtherAuthorityPath, StringComparison.Ordinal);

    /// <summary>A server with a certificate, the authority that signed it, and one that did not.</summary>
    public sealed class TlsServer : IAsyncLifetime
    {
        private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-postgres-tls-").FullName;

        /// <summary>The server.</summary>
        public PostgresServer Server { get; private set; } = null!;

        /// <summary>The certificate file of the authority.</summary>
        public string AuthorityPath => Path.Combine(directory, "ca.pem");

        /// <summary>The certificate file of the other authority.</summary>
        public string OtherAuthorityPath => Path.Combine(directory, "other.pem");

        /// <inheritdoc/>
        public async ValueTask InitializeAsync()
        {
            using var authority = Authority("CN=tests");
            using var other = Authority("CN=others");
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=db.example.test", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("db.example.test");
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, [1, 2, 3]);
            await File.WriteAllTextAsync(AuthorityPath, authority.ExportCertificatePem());
            await File.WriteAllTextAsync(OtherAuthorityPath, other.ExportCertificatePem());
            var certificatePath = Path.Combine(directory, "server.pem");
            var keyPath = Path.Combine(directory, "server.key");
            await File.WriteAllTextAsync(certificatePath, certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(keyPath, key.ExportPkcs8PrivateKeyPem());
            await ChildProcess.RunAsync("chmod", ["600", keyPath]);
            if (Environment.IsPrivilegedProcess)
            {
                await ChildProcess.RunAsync("chown", ["-R", "postgres", directory]);
            }

            Server = await PostgresServer.StartAsync("ssl=on", $"ssl_cert_file={certificatePath}", $"ssl_key_file={keyPath}");
        }

        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Directory.Delete(directory, recursive: true);
        }

        private static X509Certificate2 Authority(string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        }
    }
}
