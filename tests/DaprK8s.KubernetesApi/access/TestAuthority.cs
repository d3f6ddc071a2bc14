using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DaprK8s.KubernetesApi.Access;

/// <summary>The cluster's certificate authority: one root, and a server certificate for its addresses and names.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 root;

    /// <param name="serverNames">Names and addresses of the server certificate, beside the loopback address.</param>
    public TestAuthority(params string[] serverNames)
        : this(serverNames, [IPAddress.Loopback])
    {
    }

    public TestAuthority(IReadOnlyList<string> serverNames, IReadOnlyList<IPAddress> addresses)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kubernetes", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = DateTimeOffset.UtcNow;
        root = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(1));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var address in addresses.Distinct())
        {
            names.AddIpAddress(address);
        }

        foreach (var name in serverNames)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(name);
            }
        }

        server.CertificateExtensions.Add(names.Build());
        server.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, false));
        using var issued = server.Create(root, now.AddHours(-1), now.AddMonths(6), RandomNumberGenerator.GetBytes(12));
        using var withKey = issued.CopyWithPrivateKey(key);
        // A certificate whose key has never left memory can't serve on every platform.
        Server = X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    public X509Certificate2 Server { get; }

    public string RootPem => root.ExportCertificatePem();

    public void Dispose()
    {
        root.Dispose();
        Server.Dispose();
    }
}
