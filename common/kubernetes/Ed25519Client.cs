using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using CertificateRequest = Org.BouncyCastle.Tls.CertificateRequest;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// The client's side of TLS with an Ed25519 key, as some kubeconfig files have it. The platform's TLS takes no such key, so that this
/// side is BouncyCastle's; the server's certificate is judged by the platform as ever.
/// </summary>
internal sealed class Ed25519Client
{
    private readonly IReadOnlyList<byte[]> chain;
    private readonly AsymmetricKeyParameter key;

    private Ed25519Client(IReadOnlyList<byte[]> chain, AsymmetricKeyParameter key) => (this.chain, this.key) = (chain, key);

    /// <summary>Reads certificates and key; <see langword="null"/> when the key is of another kind.</summary>
    public static Ed25519Client? Read(string certificatesPem, string keyPem)
    {
        var der = PemEncoding.TryFind(keyPem, out var fields) && keyPem[fields.Label] == "PRIVATE KEY" ? Convert.FromBase64String(keyPem[fields.Base64Data]) : null;
        if (der is null || PrivateKeyFactory.CreateKey(der) is not Ed25519PrivateKeyParameters key)
        {
            return null;
        }

        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(certificatesPem);
        return new Ed25519Client([.. certificates.Select(c => c.RawData)], key);
    }

    /// <summary>Speaks TLS over a connection.</summary>
    /// <param name="transport">The connection; disposed with what is returned.</param>
    /// <param name="serverName">Whose certificate is expected.</param>
    /// <param name="policy">Who may have issued it; <see langword="null"/> when it is not looked at.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">The handshake failed; the message says why.</exception>
    public async Task<Stream> ConnectAsync(Stream transport, string serverName, X509ChainPolicy? policy, CancellationToken cancellationToken)
    {
        var stream = new TlsClientStream(transport);
        await stream.HandshakeAsync(new Handshake(this, serverName, policy), cancellationToken);
        return stream;
    }

    private sealed class Handshake(Ed25519Client owner, string serverName, X509ChainPolicy? policy)
        : DefaultTlsClient(new BcTlsCrypto(new SecureRandom())), TlsAuthentication
    {
        public override TlsAuthentication GetAuthentication() => this;

        public void NotifyServerCertificate(TlsServerCertificate serverCertificate)
        {
            if (policy is null)
            {
                return;
            }

            var certificates = serverCertificate.Certificate.GetCertificateList().Select(c => X509CertificateLoader.LoadCertificate(c.GetEncoded())).ToList();
            if (certificates.Count == 0)
            {
                throw new TlsFatalAlert(AlertDescription.bad_certificate, "the server has no certificate");
            }

            using var judge = new X509Chain { ChainPolicy = policy.Clone() };
            judge.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
            judge.ChainPolicy.ExtraStore.AddRange(certificates.Skip(1).ToArray());
            if (!judge.Build(certificates[0]))
            {
                throw new TlsFatalAlert(
                    AlertDescription.bad_certificate, $"the server's certificate is not trusted: {string.Join("; ", judge.ChainStatus.Select(s => s.StatusInformation.Trim()))}");
            }

            if (!certificates[0].MatchesHostname(serverName))
            {
                throw new TlsFatalAlert(AlertDescription.bad_certificate, $"the server's certificate is not for {serverName}");
            }
        }

        public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest)
            => new BcDefaultTlsCredentialedSigner(
                new TlsCryptoParameters(m_context),
                (BcTlsCrypto)Crypto,
                owner.key,
                new Certificate(certificateRequest.GetCertificateRequestContext(), [.. owner.chain.Select(c => new CertificateEntry(Crypto.CreateCertificate(c), null))]),
                SignatureAndHashAlgorithm.ed25519);

        protected override IList<ServerName>? GetSniServerNames()
            => System.Net.IPAddress.TryParse(serverName, out _) ? null : [new ServerName(NameType.host_name, System.Text.Encoding.ASCII.GetBytes(serverName))];
    }
}
