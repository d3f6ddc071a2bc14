using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DaprK8s.Common.Identity;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Tests;

/// <summary>Bundles for tests.</summary>
internal static class Bundles
{
    public static readonly SpiffeId Sentry = SpiffeId.Create("cluster.local", "dapr-system", "dapr-sentry");

    public static readonly TimeSpan Skew = TimeSpan.FromMinutes(15);

    public static readonly CaProfile Profile = new(Sentry, Skew);

    public static StoredBundle Of(params (string Item, string Text)[] items)
        => new(items.ToDictionary(i => i.Item, i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(i.Text)));

    public static StoredBundle With(this StoredBundle bundle, string item, string? text)
    {
        var items = new Dictionary<string, ReadOnlyMemory<byte>>(bundle.Items);
        items.Remove(item);
        if (text is not null)
        {
            items[item] = Encoding.UTF8.GetBytes(text);
        }

        return bundle with { Items = items };
    }

    public static StoredBundle Published(this StoredBundle bundle, params (string Item, string Text)[] items) => bundle with { Published = Of(items).Items };

    public static string Text(this StoredBundle bundle, string item) => Encoding.UTF8.GetString(bundle[item]!.Value.Span);

    /// <summary>A generated authority as it is stored.</summary>
    public static StoredBundle Generated(DateTimeOffset now)
    {
        var issuer = CaGenerator.Generate(Profile, now);
        return new StoredBundle(new Dictionary<string, ReadOnlyMemory<byte>>
        {
            [BundleItems.TrustAnchors] = CertificateList.Write([issuer.Anchor]),
            [BundleItems.IssuerCertificate] = CertificateList.Write(issuer.Chain),
            [BundleItems.IssuerKey] = issuer.Key.WritePem(),
        });
    }

    /// <summary>A signing request with a fresh key.</summary>
    public static byte[] Request()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Encoding.ASCII.GetBytes(new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256).CreateSigningRequestPem());
    }
}
