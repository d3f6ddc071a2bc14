using System.Security.Cryptography.X509Certificates;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Ca;

/// <summary>
/// Reads and checks what is stored (contract: security 1.12). Whatever is missing, malformed or in disagreement is refused by name:
/// sentry never replaces an authority that it does not understand, since that would cut off everybody who trusts it (ADR 009).
/// </summary>
internal static class CaBundleReader
{
    private static readonly string[] Required = [BundleItems.TrustAnchors, BundleItems.IssuerCertificate, BundleItems.IssuerKey];

    /// <summary>Reads the certificates and keys of the authority.</summary>
    /// <returns><see langword="null"/> when nothing of them exists, anywhere.</returns>
    /// <exception cref="CaBundleException">They can't be used.</exception>
    public static CaBundle? Read(StoredBundle? stored)
    {
        if (stored is null || !BundleItems.All.Any(i => i is not (BundleItems.JwtKey or BundleItems.Jwks) && stored[i] is not null))
        {
            return stored?.Published is { } published && published.ContainsKey(BundleItems.TrustAnchors)
                ? throw new CaBundleException($"the ConfigMap has trust anchors ({BundleItems.TrustAnchors}) but the Secret has no issuer for them; "
                    + $"put the issuer's {BundleItems.IssuerCertificate} and {BundleItems.IssuerKey} there, or empty the ConfigMap to have a new authority generated")
                : null;
        }

        var missing = Required.Where(i => stored[i] is null).ToArray();
        if (missing.Length > 0)
        {
            var there = BundleItems.All.Where(i => stored[i] is not null && i is not (BundleItems.JwtKey or BundleItems.Jwks));
            throw new CaBundleException($"{string.Join(", ", missing)} missing while {string.Join(", ", there)} exists; a new authority is generated only where there is none");
        }

        var anchors = ReadAnchors(stored[BundleItems.TrustAnchors]!.Value.Span);
        var (issuer, next) = ReadIssuers(stored, anchors);
        return new CaBundle
        {
            TrustAnchors = anchors,
            Issuer = issuer,
            Next = next,
            Previous = stored[BundleItems.PreviousIssuerCertificate] is { } previous
                ? CertificateList.Read(previous.Span, BundleItems.PreviousIssuerCertificate) : null,
        };
    }

    /// <summary>Compares the public copy with the stored items.</summary>
    /// <returns>Whether the copy lacks something and has to be written: it is empty, or a publication was interrupted.</returns>
    /// <exception cref="CaBundleException">The copy says something else than the stored items.</exception>
    public static bool IsPublicationDue(StoredBundle stored, CaBundle bundle)
    {
        if (stored.Published is not { } published)
        {
            return false;
        }

        var due = false;
        if (published.TryGetValue(BundleItems.TrustAnchors, out var pem))
        {
            IReadOnlyList<X509Certificate2> copies;
            try
            {
                copies = CertificateList.Read(pem.Span, BundleItems.TrustAnchors);
            }
            catch (CaBundleException e)
            {
                throw new CaBundleException($"ConfigMap: {e.Message}");
            }

            if (copies.FirstOrDefault(c => !bundle.TrustAnchors.Any(a => a.Is(c))) is { } foreign)
            {
                throw new CaBundleException($"{BundleItems.TrustAnchors} of ConfigMap and Secret differ: the ConfigMap has {foreign.Describe()}, which the Secret has not");
            }

            due = bundle.TrustAnchors.Any(a => !copies.Any(c => c.Is(a)));
        }
        else
        {
            due = true;
        }

        var keys = stored[BundleItems.Jwks];
        if (!published.TryGetValue(BundleItems.Jwks, out var copy))
        {
            return due || keys is not null;
        }

        return keys is { } own && !own.Span.Trim(" \r\n\t"u8).SequenceEqual(copy.Span.Trim(" \r\n\t"u8))
            ? throw new CaBundleException($"{BundleItems.Jwks} of ConfigMap and Secret differ")
            : due || keys is null;
    }

    private static List<X509Certificate2> ReadAnchors(ReadOnlySpan<byte> pem)
    {
        List<X509Certificate2> anchors = [];
        foreach (var anchor in CertificateList.Read(pem, BundleItems.TrustAnchors))
        {
            if (!anchor.IsSelfSigned())
            {
                throw new CaBundleException($"certificate in trust anchor is not self-signed: {anchor.Describe()}");
            }

            if (!anchors.Any(a => a.Is(anchor)))
            {
                anchors.Add(anchor);
            }
        }

        return anchors;
    }

    private static (Issuer Issuer, Issuer? Next) ReadIssuers(StoredBundle stored, List<X509Certificate2> anchors)
    {
        var certificate = stored[BundleItems.IssuerCertificate]!.Value;
        if (stored[BundleItems.NextIssuerCertificate] is not { } next)
        {
            return (ReadIssuer(certificate, stored[BundleItems.IssuerKey]!.Value, anchors, BundleItems.IssuerCertificate, BundleItems.IssuerKey), null);
        }

        var nextKey = stored[BundleItems.NextIssuerKey];
        if (next.Span.SequenceEqual(certificate.Span))
        {
            // The take-over was interrupted between two files: the certificate is the new issuer's, its key may be in either place.
            return nextKey is { } key && KeyFits(next, key)
                ? (ReadIssuer(next, key, anchors, BundleItems.NextIssuerCertificate, BundleItems.NextIssuerKey), null)
                : (ReadIssuer(certificate, stored[BundleItems.IssuerKey]!.Value, anchors, BundleItems.IssuerCertificate, BundleItems.IssuerKey), null);
        }

        return nextKey is null
            ? throw new CaBundleException($"{BundleItems.NextIssuerKey} missing while {BundleItems.NextIssuerCertificate} exists")
            : (ReadIssuer(certificate, stored[BundleItems.IssuerKey]!.Value, anchors, BundleItems.IssuerCertificate, BundleItems.IssuerKey),
                ReadIssuer(next, nextKey.Value, anchors, BundleItems.NextIssuerCertificate, BundleItems.NextIssuerKey));
    }

    private static Issuer ReadIssuer(
        ReadOnlyMemory<byte> pem, ReadOnlyMemory<byte> keyPem, List<X509Certificate2> anchors, string certificateItem, string keyItem)
    {
        var chain = CertificateList.Read(pem.Span, certificateItem);
        for (var i = 0; i + 1 < chain.Count; i++)
        {
            if (!chain[i].IsIssuedBy(chain[i + 1]))
            {
                throw new CaBundleException($"certificate chain is not valid: certificate {i + 1} of {certificateItem} is not signed by the one behind it");
            }
        }

        if (chain.Count > 1 && chain[^1].IsSelfSigned())
        {
            chain = [.. chain.SkipLast(1)];
        }

        if (!CanSign(chain[0]))
        {
            throw new CaBundleException($"intermediate certificate is not valid for signing: {chain[0].Describe()} in {certificateItem}");
        }

        var anchor = anchors.FirstOrDefault(a => chain[^1].Is(a) || chain[^1].IsIssuedBy(a))
            ?? throw new CaBundleException($"issuer chain does not belong to trust anchors: {chain[^1].Describe()} in {certificateItem} "
                + $"is signed by none of {BundleItems.TrustAnchors}: {string.Join(", ", anchors.Select(a => a.Describe()))}");
        return new Issuer(chain, ReadKey(chain[0], keyPem, certificateItem, keyItem), anchor);
    }

    private static PrivateKey ReadKey(X509Certificate2 certificate, ReadOnlyMemory<byte> pem, string certificateItem, string keyItem)
    {
        PrivateKey key;
        try
        {
            key = PrivateKey.ReadPem(pem.Span);
        }
        catch (PrivateKeyException e)
        {
            throw new CaBundleException($"{e.Message} ({keyItem})");
        }

        if (certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.PublicKeyInfo.Span))
        {
            return key;
        }

        key.Dispose();
        throw new CaBundleException($"issuer key does not match issuer certificate ({keyItem}, {certificateItem})");
    }

    private static bool KeyFits(ReadOnlyMemory<byte> certificate, ReadOnlyMemory<byte> key)
    {
        try
        {
            ReadKey(CertificateList.Read(certificate.Span, BundleItems.NextIssuerCertificate)[0], key, "", "").Dispose();
            return true;
        }
        catch (CaBundleException)
        {
            return false;
        }
    }

    // Refused only when nothing says that it may sign (contract: security 1.12).
    private static bool CanSign(X509Certificate2 certificate)
        => certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any()
            || certificate.Extensions.OfType<X509KeyUsageExtension>().Any(u => u.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign));
}
