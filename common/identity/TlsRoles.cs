using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.Common.Identity;

/// <summary>
/// Options of one handshake between processes of ours: TLS 1.2 or newer, HTTP/2, the peer judged by its chain to the trust anchors and
/// by its SPIFFE ID. Made anew for each handshake, so that the newest certificate and anchors count.
/// </summary>
public static class TlsRoles
{
    private static readonly Oid ServerUsage = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientUsage = new("1.3.6.1.5.5.7.3.2");
    private static readonly List<SslApplicationProtocol> Protocols = [SslApplicationProtocol.Http2];
    private static readonly List<SslApplicationProtocol> WebProtocols = [SslApplicationProtocol.Http11];

    /// <summary>The server's side.</summary>
    /// <param name="own">What to present.</param>
    /// <param name="anchors">What a client must chain to.</param>
    /// <param name="rule">Who may connect, or <see langword="null"/> to ask for no client certificate.</param>
    /// <param name="judged">Takes the verdict.</param>
    public static SslServerAuthenticationOptions Server(Svid own, TrustAnchors anchors, PeerRule? rule, PeerVerdict judged)
    {
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = own.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = Protocols,
            ClientCertificateRequired = rule is not null,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        if (rule is not null)
        {
            options.CertificateChainPolicy = anchors.CreatePolicy(ClientUsage);
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => judged.Judge(rule, certificate, chain, errors);
        }

        return options;
    }

    /// <summary>The server's side towards callers that have no identity of ours, such as the API server: HTTP/1.1, no client certificate.</summary>
    /// <param name="own">What to present.</param>
    public static SslServerAuthenticationOptions WebServer(Svid own)
        => new()
        {
            ServerCertificateContext = own.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = WebProtocols,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };

    /// <summary>The client's side.</summary>
    /// <param name="own">What to present, or <see langword="null"/> for nothing, as towards sentry.</param>
    /// <param name="anchors">What the server must chain to.</param>
    /// <param name="rule">Who the server must be.</param>
    /// <param name="host">The name sent to the server; it plays no part in judging it.</param>
    /// <param name="judged">Takes the verdict.</param>
    public static SslClientAuthenticationOptions Client(Svid? own, TrustAnchors anchors, PeerRule rule, string host, PeerVerdict judged)
        => new()
        {
            TargetHost = host,
            ClientCertificateContext = own?.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = Protocols,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = anchors.CreatePolicy(ServerUsage),
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => judged.Judge(rule, certificate, chain, errors),
        };
}

/// <summary>The judgement of a handshake's peer.</summary>
public sealed class PeerVerdict
{
    /// <summary>The peer's identity; <see langword="null"/> when the peer sent none, or one that is none of Dapr's form.</summary>
    public SpiffeId? Id { get; private set; }

    /// <summary>The URI in the certificate.</summary>
    public string Uri { get; private set; } = "";

    /// <summary>Why the peer was refused, or empty.</summary>
    public string Problem { get; private set; } = "";

    internal bool Judge(PeerRule rule, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        Problem = Find(rule, certificate as X509Certificate2, chain, errors);
        return Problem.Length == 0;
    }

    private string Find(PeerRule rule, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            return "it presented no certificate";
        }

        try
        {
            Uri = PeerCertificate.UriOf(certificate);
            Id = SpiffeId.TryParse(Uri, out var id) ? id : null;
        }
        catch (IdentityException e)
        {
            return e.Message;
        }

        // Host names play no part: the identity is the name.
        if ((errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            var flaws = chain is null ? "" : string.Join(", ", chain.ChainStatus.Select(s => s.Status.ToString()).Distinct());
            return $"its certificate ({Uri}) is not valid under the trust anchors: {flaws}";
        }

        return rule.Accepts(Id) ? "" : $"unexpected SPIFFE ID: \"{Uri}\", expected {rule.Expectation}";
    }
}
