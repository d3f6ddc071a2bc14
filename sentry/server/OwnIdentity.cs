using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity;
using DaprK8s.Sentry.Ca;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary>
/// Sentry's own certificate, signed here. It is made when a handshake needs one and the former has lived half its life or is of an
/// issuer that is no longer in force, so that nothing has to run for it.
/// </summary>
internal sealed class OwnIdentity(Authority authority, SpiffeId id, SentryMetrics metrics, TimeProvider time, ILogger logger) : IIdentity
{
    private readonly Lock gate = new();
    private Held? held;

    /// <inheritdoc/>
    public ValueTask<(Svid Svid, TrustAnchors Anchors)> GetAsync(CancellationToken cancellationToken)
    {
        var state = authority.Current ?? throw new IdentityException("the authority is not loaded yet");
        var now = time.GetUtcNow();
        lock (gate)
        {
            if (held is not { } current || !ReferenceEquals(current.Issuer, state.IssuerAt(now)) || now >= current.RenewAt)
            {
                held = current = Renew(state, now, held);
            }

            return ValueTask.FromResult((current.Svid, current.Anchors));
        }
    }

    private Held Renew(AuthorityState state, DateTimeOffset now, Held? former)
    {
        try
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var issuer = state.IssuerAt(now);
            var issued = issuer.Issue(new CertificateContent(id, key.ExportSubjectPublicKeyInfo(), []), now);
            using var bare = X509CertificateLoader.LoadCertificate(issued.Der);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(System.Text.Encoding.ASCII.GetString(issuer.ChainPem));
            var svid = new Svid(id, bare.CopyWithPrivateKey(key), chain);
            logger.LogInformation("own certificate issued: {Id}, valid until {End:u}", id, svid.NotAfter.UtcDateTime);
            return new Held(svid, TrustAnchors.Parse(state.TrustAnchors.ToStringUtf8()), issuer, now + ((issued.NotAfter - now) / 2));
        }
        catch (Exception e) when (former is not null && e is CryptographicException or IdentityException)
        {
            metrics.OwnCertificateFailed();
            logger.LogError("sentry's own certificate could not be renewed, the former one is used: {Error}", e.Message);
            return former!;
        }
    }

    private sealed record Held(Svid Svid, TrustAnchors Anchors, CertificateIssuer Issuer, DateTimeOffset RenewAt);
}
