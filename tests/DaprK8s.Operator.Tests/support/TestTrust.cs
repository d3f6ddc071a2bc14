using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.Identity;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>A root of trust, and identities under it.</summary>
internal sealed class TestTrust : IDisposable
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 root;

    public TestTrust(string name = "test root")
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        Pem = root.ExportCertificatePem() + "\n";
    }

    public string Pem { get; }

    public TrustAnchors Anchors => TrustAnchors.Parse(Pem);

    /// <summary>A certificate for a key.</summary>
    public X509Certificate2 Issue(PublicKey subject, string uri, TimeSpan lifetime, params string[] names)
    {
        var request = new CertificateRequest(new X500DistinguishedName(""), subject, HashAlgorithmName.SHA256);
        var san = new SubjectAlternativeNameBuilder();
        san.AddUri(new Uri(uri));
        foreach (var name in names)
        {
            san.AddDnsName(name);
        }

        request.CertificateExtensions.Add(san.Build(critical: true));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        return request.Create(
            root.SubjectName, X509SignatureGenerator.CreateForECDsa(key), DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow + lifetime, RandomNumberGenerator.GetBytes(12));
    }

    /// <summary>A certificate with a key of its own.</summary>
    public X509Certificate2 Issue(string uri)
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = Issue(new PublicKey(own), uri, TimeSpan.FromHours(1));
        return bare.CopyWithPrivateKey(own);
    }

    public void Dispose()
    {
        root.Dispose();
        key.Dispose();
    }
}
