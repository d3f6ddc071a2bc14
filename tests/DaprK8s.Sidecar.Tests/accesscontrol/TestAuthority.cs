using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>A certificate authority that names whomever a test wants.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 root;
    private readonly TrustAnchors anchors;

    public TestAuthority()
    {
        var request = new CertificateRequest("CN=test root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        anchors = TrustAnchors.Parse(root.ExportCertificatePem());
    }

    /// <summary>An identity whose certificate holds a URI, which need not be one of Dapr's form.</summary>
    public IIdentity Issue(string uri)
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(uri));
        var request = new CertificateRequest("CN=leaf", own, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(root, DateTimeOffset.UtcNow.AddMinutes(-30), DateTimeOffset.UtcNow.AddMinutes(30), RandomNumberGenerator.GetBytes(8));
        return new Fixed(new Svid(new SpiffeId("held", "by", "tests"), signed.CopyWithPrivateKey(own), []), anchors);
    }

    public void Dispose()
    {
        root.Dispose();
        key.Dispose();
    }

    private sealed class Fixed(Svid svid, TrustAnchors anchors) : IIdentity
    {
        public ValueTask<(Svid Svid, TrustAnchors Anchors)> GetAsync(CancellationToken cancellationToken) => new((svid, anchors));
    }
}
