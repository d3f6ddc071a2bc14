using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Tests.Ca;

public sealed class CaBundleReaderTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    [Fact]
    public void Nothing_stored_is_no_authority_and_no_error()
    {
        Assert.Null(CaBundleReader.Read(null));
        Assert.Null(CaBundleReader.Read(Bundles.Of((BundleItems.JwtKey, "a key"), (BundleItems.Jwks, "{}"))));
    }

    [Theory]
    [InlineData("ed25519")]
    [InlineData("rsa")]
    [InlineData("p256")]
    [InlineData("p384")]
    [InlineData("p521")]
    public void An_authority_that_openssl_made_is_read(string kind)
    {
        var bundle = CaBundleReader.Read(OpenSsl.CreateBundle(kind))!;

        Assert.Equal("CN=Issuer issuer", bundle.Issuer.Certificate.Subject);
        Assert.Equal("CN=Root root", bundle.Issuer.Anchor.Subject);
        Assert.False(CaGenerator.IsGenerated(bundle.Issuer.Anchor));
    }

    [Theory]
    [InlineData(BundleItems.TrustAnchors)]
    [InlineData(BundleItems.IssuerCertificate)]
    [InlineData(BundleItems.IssuerKey)]
    public void A_missing_item_is_named_and_nothing_is_made_in_its_place(string item)
        => Refused(Bundles.Generated(Now).With(item, null), $"{item} missing while");

    [Theory]
    [InlineData(BundleItems.TrustAnchors)]
    [InlineData(BundleItems.IssuerCertificate)]
    public void A_file_without_certificates_is_refused(string item)
        => Refused(Bundles.Generated(Now).With(item, "no PEM at all"), "no certificates found in " + item);

    [Fact]
    public void A_malformed_certificate_is_refused()
        => Refused(
            Bundles.Generated(Now).With(BundleItems.TrustAnchors, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "certificate 1 of ca.crt is malformed");

    [Fact]
    public void An_anchor_that_is_not_self_signed_is_refused()
    {
        var bundle = Bundles.Generated(Now);
        Refused(bundle.With(BundleItems.TrustAnchors, bundle.Text(BundleItems.IssuerCertificate)), "certificate in trust anchor is not self-signed: O=spiffe://");
    }

    [Fact]
    public void An_issuer_file_out_of_order_is_refused()
    {
        var (bundle, other) = (Bundles.Generated(Now), Bundles.Generated(Now));
        Refused(
            bundle.With(BundleItems.IssuerCertificate, bundle.Text(BundleItems.IssuerCertificate) + other.Text(BundleItems.IssuerCertificate)),
            "certificate chain is not valid");
    }

    [Fact]
    public void An_issuer_that_nothing_says_may_sign_is_refused()
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.CreateRoot(directory, "root", "p256");
        OpenSsl.CreateIssuer(directory, "issuer", "p256", "root", "keyUsage=digitalSignature");
        Refused(Files(directory, "root.crt", "issuer.crt", "issuer.key"), "intermediate certificate is not valid for signing");
    }

    [Theory]
    [InlineData("nothing", "key is not PEM encoded")]
    [InlineData("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "unsupported block type DSA PRIVATE KEY")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the PRIVATE KEY block can't be read as a key (issuer.key)")]
    [InlineData("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "the EC PRIVATE KEY block can't be read as a key")]
    public void A_bad_key_is_refused_without_showing_it(string key, string text)
        => Refused(Bundles.Generated(Now).With(BundleItems.IssuerKey, key), text);

    [Fact]
    public void A_key_of_another_certificate_is_refused()
        => Refused(
            Bundles.Generated(Now).With(BundleItems.IssuerKey, Bundles.Generated(Now).Text(BundleItems.IssuerKey)),
            "issuer key does not match issuer certificate (issuer.key, issuer.crt)");

    [Fact]
    public void An_issuer_under_a_foreign_root_is_refused_and_both_are_named()
    {
        var text = Refused(
            Bundles.Generated(Now).With(BundleItems.TrustAnchors, Bundles.Generated(Now).Text(BundleItems.TrustAnchors)),
            "issuer chain does not belong to trust anchors: ");
        Assert.Contains("O=spiffe://cluster.local/ns/dapr-system/dapr-sentry (SHA-256 ", text);
        Assert.Contains("ca.crt: O=cluster.local (SHA-256 ", text);
    }

    [Fact]
    public void Keys_in_the_older_forms_of_openssl_are_read()
    {
        foreach (var (kind, convert) in new[] { ("p256", "ec"), ("rsa", "rsa") })
        {
            using var directory = new TemporaryDirectory();
            OpenSsl.CreateRoot(directory, "root", "p256");
            OpenSsl.CreateIssuer(directory, "issuer", kind, "root");
            OpenSsl.Run([convert, "-in", directory["issuer.key"], "-out", directory["old.key"], .. convert == "rsa" ? new[] { "-traditional" } : []]);
            Assert.Contains($"{convert.ToUpperInvariant()} PRIVATE KEY", File.ReadAllText(directory["old.key"]));
            Assert.NotNull(CaBundleReader.Read(Files(directory, "root.crt", "issuer.crt", "old.key")));
        }
    }

    [Fact]
    public void A_chain_of_several_issuers_keeps_its_order_and_loses_its_root()
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.CreateRoot(directory, "root", "ed25519");
        OpenSsl.CreateIssuer(directory, "upper", "rsa", "root");
        OpenSsl.CreateIssuer(directory, "lower", "p256", "upper");
        var chain = string.Concat(new[] { "lower.crt", "upper.crt", "root.crt" }.Select(f => File.ReadAllText(directory[f])));
        var bundle = CaBundleReader.Read(Files(directory, "root.crt", "lower.crt", "lower.key").With(BundleItems.IssuerCertificate, chain))!;

        Assert.Equal(["CN=Issuer lower", "CN=Issuer upper"], bundle.Issuer.Chain.Select(c => c.Subject));
        Assert.Equal("CN=Root root", bundle.Issuer.Anchor.Subject);
    }

    [Fact]
    public void Several_anchors_are_kept_and_text_between_them_is_dropped()
    {
        var (bundle, other) = (Bundles.Generated(Now), Bundles.Generated(Now));
        var anchors = $"# new\n{other.Text(BundleItems.TrustAnchors)}\n# old\n{bundle.Text(BundleItems.TrustAnchors)}";
        var read = CaBundleReader.Read(bundle.With(BundleItems.TrustAnchors, anchors))!;

        Assert.Equal(2, read.TrustAnchors.Count);
        Assert.DoesNotContain("#", System.Text.Encoding.ASCII.GetString(read.TrustAnchorsPem));
        Assert.True(read.Issuer.Anchor.Is(read.TrustAnchors[1]));
    }

    [Fact]
    public void A_next_issuer_without_key_is_refused()
    {
        var (bundle, next) = (Bundles.Generated(Now), Bundles.Generated(Now));
        Refused(bundle.With(BundleItems.NextIssuerCertificate, next.Text(BundleItems.IssuerCertificate)), "issuer.next.key missing while issuer.next.crt exists");
    }

    [Fact]
    public void A_next_issuer_whose_root_is_not_trusted_is_refused()
    {
        var (bundle, next) = (Bundles.Generated(Now), Bundles.Generated(Now));
        Refused(
            bundle.With(BundleItems.NextIssuerCertificate, next.Text(BundleItems.IssuerCertificate)).With(BundleItems.NextIssuerKey, next.Text(BundleItems.IssuerKey)),
            "issuer chain does not belong to trust anchors");
    }

    [Fact]
    public void A_take_over_that_was_cut_off_between_two_files_is_read_as_done()
    {
        var (old, next) = (Bundles.Generated(Now), Bundles.Generated(Now));
        var cutOff = old
            .With(BundleItems.TrustAnchors, old.Text(BundleItems.TrustAnchors) + next.Text(BundleItems.TrustAnchors))
            .With(BundleItems.IssuerCertificate, next.Text(BundleItems.IssuerCertificate))
            .With(BundleItems.NextIssuerCertificate, next.Text(BundleItems.IssuerCertificate))
            .With(BundleItems.NextIssuerKey, next.Text(BundleItems.IssuerKey));
        var read = CaBundleReader.Read(cutOff)!;

        Assert.Null(read.Next);
        Assert.True(read.Issuer.Anchor.Is(read.TrustAnchors[1]));
        Assert.Null(CaBundleReader.Read(cutOff.With(BundleItems.IssuerKey, next.Text(BundleItems.IssuerKey)).With(BundleItems.NextIssuerKey, null))!.Next);
    }

    [Fact]
    public void An_empty_public_copy_is_due_and_an_equal_one_is_not()
    {
        var bundle = Bundles.Generated(Now);
        var read = CaBundleReader.Read(bundle)!;

        Assert.False(CaBundleReader.IsPublicationDue(bundle, read));
        Assert.True(CaBundleReader.IsPublicationDue(bundle.Published(), read));
        Assert.False(CaBundleReader.IsPublicationDue(bundle.Published((BundleItems.TrustAnchors, "# comment\n" + bundle.Text(BundleItems.TrustAnchors))), read));
    }

    [Fact]
    public void A_public_copy_that_lacks_an_anchor_is_completed_and_one_with_a_foreign_anchor_is_refused_by_name()
    {
        var (bundle, other) = (Bundles.Generated(Now), Bundles.Generated(Now));
        var both = bundle.With(BundleItems.TrustAnchors, bundle.Text(BundleItems.TrustAnchors) + other.Text(BundleItems.TrustAnchors));
        Assert.True(CaBundleReader.IsPublicationDue(both.Published((BundleItems.TrustAnchors, bundle.Text(BundleItems.TrustAnchors))), CaBundleReader.Read(both)!));

        var foreign = bundle.Published((BundleItems.TrustAnchors, both.Text(BundleItems.TrustAnchors)));
        var error = Assert.Throws<CaBundleException>(() => CaBundleReader.IsPublicationDue(foreign, CaBundleReader.Read(foreign)!));
        Assert.Contains("ca.crt of ConfigMap and Secret differ: the ConfigMap has O=cluster.local (SHA-256 ", error.Message);
    }

    [Fact]
    public void A_public_copy_that_is_no_PEM_or_has_other_keys_is_refused()
    {
        var bundle = Bundles.Generated(Now).With(BundleItems.Jwks, """{"keys":[]}""");
        var read = CaBundleReader.Read(bundle)!;
        Assert.StartsWith("ConfigMap: ", Assert.Throws<CaBundleException>(
            () => CaBundleReader.IsPublicationDue(bundle.Published((BundleItems.TrustAnchors, "tampered")), read)).Message);
        Assert.Equal("jwks.json of ConfigMap and Secret differ", Assert.Throws<CaBundleException>(
            () => CaBundleReader.IsPublicationDue(
                bundle.Published((BundleItems.TrustAnchors, bundle.Text(BundleItems.TrustAnchors)), (BundleItems.Jwks, "{}")), read)).Message);
    }

    [Fact]
    public void Anchors_in_the_ConfigMap_alone_are_refused()
        => Refused(Bundles.Of().Published((BundleItems.TrustAnchors, Bundles.Generated(Now).Text(BundleItems.TrustAnchors))), "the ConfigMap has trust anchors");

    private static StoredBundle Files(TemporaryDirectory directory, string root, string issuer, string key)
        => Bundles.Of(
            (BundleItems.TrustAnchors, File.ReadAllText(directory[root])),
            (BundleItems.IssuerCertificate, File.ReadAllText(directory[issuer])),
            (BundleItems.IssuerKey, File.ReadAllText(directory[key])));

    private static string Refused(StoredBundle bundle, string text)
    {
        var message = Assert.Throws<CaBundleException>(() => CaBundleReader.Read(bundle)).Message;
        Assert.Contains(text, message);
        return message;
    }
}
