using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.PubSub;

/// <summary>
/// The TLS settings that brokers share: PEM texts in <c>caCert</c>, <c>clientCert</c> and <c>clientKey</c> (contract:
/// components 2.18).
/// </summary>
internal sealed class BrokerTls
{
    /// <summary>Trusted roots.</summary>
    public static readonly MetadataField<string> CaCert = Field.Text(
        "caCert", "PEM certificates of the authorities that sign the broker's certificate; the system's when absent.");

    /// <summary>The client's certificate.</summary>
    public static readonly MetadataField<string> ClientCert = Field.Text(
        "clientCert", "PEM certificate that the client shows; needs clientKey.");

    /// <summary>The client's private key.</summary>
    public static readonly MetadataField<string> ClientKey = Field.Text(
        "clientKey", "PEM private key of clientCert.", sensitive: true);

    private readonly X509Certificate2Collection? roots;

    private BrokerTls(X509Certificate2Collection? roots, X509Certificate2? client)
    {
        this.roots = roots;
        Client = client;
    }

    /// <summary>The client's certificate with its key, or <see langword="null"/>.</summary>
    public X509Certificate2? Client { get; }

    /// <summary>Reads the three fields.</summary>
    /// <exception cref="ComponentMetadataException">One of them is unusable.</exception>
    public static BrokerTls Read(ComponentMetadata metadata)
    {
        var (ca, cert, key) = (metadata.Get(CaCert), metadata.Get(ClientCert), metadata.Get(ClientKey));
        RequirePem(CaCert, ca);
        RequirePem(ClientCert, cert);
        RequirePem(ClientKey, key);
        return new BrokerTls(
            ca.Length == 0 ? null : ReadRoots(ca),
            cert.Length == 0 || key.Length == 0 ? null : ReadClient(cert, key));
    }

    /// <summary>Whether a broker's certificate is trusted.</summary>
    public bool Accepts(X509Certificate? certificate, X509Chain? presented, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return roots is null || IsSignedByRoots(certificate, presented);
        }

        // Own roots make the system's verdict on the chain void; a wrong name or a missing certificate stays wrong.
        return roots is not null && errors == SslPolicyErrors.RemoteCertificateChainErrors && IsSignedByRoots(certificate, presented);
    }

    private bool IsSignedByRoots(X509Certificate? certificate, X509Chain? presented)
    {
        if (certificate is not X509Certificate2 leaf)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots!);
        if (presented is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        }

        return chain.Build(leaf);
    }

    private static void RequirePem(MetadataField<string> field, string text)
    {
        if (text.Length > 0 && !PemEncoding.TryFind(text, out _))
        {
            throw new ComponentMetadataException(field.Name, $"invalid TLS configuration: invalid {field.Name}");
        }
    }

    private static X509Certificate2Collection ReadRoots(string pem)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw Unusable(e);
        }

        return roots.Count > 0 ? roots : throw Unusable(null);

        static ComponentMetadataException Unusable(Exception? e)
            => new(CaCert.Name, "unable to load CA certificate" + (e is null ? "" : $": {e.Message}"));
    }

    private static X509Certificate2 ReadClient(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ComponentMetadataException(ClientCert.Name, $"unable to load client certificate and key pair. Err: {e.Message}");
        }
    }
}
