using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Components.Metadata;
using StackExchange.Redis;

namespace DaprK8s.Components.Redis;

/// <summary>The TLS side of a connection.</summary>
/// <param name="Client">The client's certificate with its key, or <see langword="null"/>.</param>
/// <param name="TrustAny">Trust any server certificate.</param>
internal sealed record RedisTls(X509Certificate2? Client, bool TrustAny)
{
    /// <summary>Reads the fields; a certificate without a key, or the reverse, is ignored.</summary>
    /// <exception cref="ComponentMetadataException">Certificate and key are unusable.</exception>
    public static RedisTls Read(ComponentMetadata metadata)
    {
        var (certificate, key) = (metadata.Get(RedisFields.ClientCert), metadata.Get(RedisFields.ClientKey));
        return new RedisTls(
            certificate.Length == 0 || key.Length == 0 ? null : ReadClient(certificate, key),
            metadata.Get(RedisFields.InsecureSkipTlsVerify));
    }

    /// <summary>Puts the settings into connection options.</summary>
    public void ApplyTo(ConfigurationOptions options)
    {
        options.Ssl = true;
        options.CheckCertificateRevocation = false;
        if (TrustAny)
        {
            options.CertificateValidation += static (_, _, _, _) => true;
        }

        if (Client is not null)
        {
            options.CertificateSelection += (_, _, _, _, _) => Client;
        }
    }

    private static X509Certificate2 ReadClient(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ComponentMetadataException(
                RedisFields.ClientCert.Name, $"redis client configuration error: unable to load client certificate and key pair: {e.Message}");
        }
    }
}
