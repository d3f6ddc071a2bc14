using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DaprK8s.Common.Identity;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Tests.Ca;

public sealed class CertificateIssuerTests
{
    private static readonly SpiffeId Id = SpiffeId.Create("public", "shop", "orders");
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    [Theory]
    [InlineData("ed25519", "ed25519")]
    [InlineData("ed25519", "rsa")]
    [InlineData("rsa", "ed25519")]
    [InlineData("p256", "p384")]
    [InlineData("p384", "p256")]
    [InlineData("p521", "rsa")]
    public void Openssl_verifies_what_an_issuer_of_any_kind_signs_for_a_key_of_any_kind(string issuerKind, string leafKind)
    {
        var stored = OpenSsl.CreateBundle(issuerKind);
        var now = DateTimeOffset.UtcNow;
        var issuer = Issuer(CaBundleReader.Read(stored)!.Issuer);
        var (pem, _) = issuer.IssuePem(new CertificateContent(Id, SigningRequest.ReadPublicKey(OpenSsl.CreateRequest(leafKind)), []), now);

        Assert.True(OpenSsl.Verifies(stored[BundleItems.TrustAnchors]!.Value.Span, pem, now));
        Assert.False(OpenSsl.Verifies(stored[BundleItems.TrustAnchors]!.Value.Span, pem, now + TimeSpan.FromHours(25)));
        Assert.False(OpenSsl.Verifies(Bundles.Generated(now)[BundleItems.TrustAnchors]!.Value.Span, pem, now));
    }

    [Fact]
    public void A_certificate_has_exactly_the_profile()
    {
        var authority = CaGenerator.Generate(Bundles.Profile, Now);
        var issued = Issuer(authority).Issue(new CertificateContent(Id, SigningRequest.ReadPublicKey(Bundles.Request()), []), Now);
        var leaf = X509CertificateLoader.LoadCertificate(issued.Der);

        Assert.Equal(3, leaf.Version);
        Assert.Equal("", leaf.Subject);
        Assert.Equal(authority.Certificate.SubjectName.RawData, leaf.IssuerName.RawData);
        Assert.InRange(leaf.SerialNumberBytes.TrimStart((byte)0).Length, 14, 16);
        Assert.Equal(Seconds(Now - Bundles.Skew), leaf.Starts());
        Assert.Equal(Seconds(Now + Lifetime), leaf.Ends());
        Assert.Equal(leaf.Ends(), issued.NotAfter);
        Assert.Equal(
            ["2.5.29.15 True", "2.5.29.37 False", "2.5.29.35 False", "2.5.29.17 True"],
            leaf.Extensions.Select(e => $"{e.Oid!.Value} {e.Critical}"));
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, leaf.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
        Assert.Equal(
            ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
            leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<System.Security.Cryptography.Oid>().Select(o => o.Value!));
        Assert.Equal(
            authority.Certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single().SubjectKeyIdentifierBytes.ToArray(),
            leaf.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().Single().KeyIdentifier!.Value.ToArray());
        Assert.Equal("spiffe://public/ns/shop/orders", PeerCertificate.UriOf(leaf));
    }

    [Fact]
    public void Serial_numbers_differ()
    {
        var issuer = Issuer(CaGenerator.Generate(Bundles.Profile, Now));
        var content = new CertificateContent(Id, SigningRequest.ReadPublicKey(Bundles.Request()), []);
        Assert.Equal(200, Enumerable.Range(0, 200).Select(_ => X509CertificateLoader.LoadCertificate(issuer.Issue(content, Now).Der).SerialNumber).Distinct().Count());
    }

    [Fact]
    public void Names_of_the_control_plane_stand_beside_the_identity()
    {
        var issuer = Issuer(CaGenerator.Generate(Bundles.Profile, Now));
        var (pem, _) = issuer.IssuePem(new CertificateContent(Id, SigningRequest.ReadPublicKey(Bundles.Request()), ["a.b.svc", "c.d.svc"]), Now);
        var words = OpenSsl.Describe(pem);

        Assert.Contains("DNS:a.b.svc, DNS:c.d.svc, URI:spiffe://public/ns/shop/orders", words);
        Assert.Contains("X509v3 Subject Alternative Name: critical", words);
    }

    [Fact]
    public void Container_images_are_a_text_in_an_extension_that_may_be_ignored()
    {
        var issuer = Issuer(CaGenerator.Generate(Bundles.Profile, Now));
        var images = Encoding.UTF8.GetBytes("""[{"role":"app"}]""");
        var leaf = X509CertificateLoader.LoadCertificate(
            issuer.Issue(new CertificateContent(Id, SigningRequest.ReadPublicKey(Bundles.Request()), [], images), Now).Der);
        var extension = leaf.Extensions.Single(e => e.Oid!.Value == "1.3.6.1.4.1.57683.100.1");

        Assert.False(extension.Critical);
        Assert.Equal(images, AsnDecoder.ReadOctetString(extension.RawData, AsnEncodingRules.DER, out _));
    }

    [Fact]
    public void Lives_past_2050_are_written_as_the_standard_wants()
    {
        var issuer = new CertificateIssuer(CaGenerator.Generate(Bundles.Profile, Now), TimeSpan.FromDays(365 * 40), Bundles.Skew);
        var issued = issuer.Issue(new CertificateContent(Id, SigningRequest.ReadPublicKey(Bundles.Request()), []), Now);
        Assert.Equal(Seconds(Now + TimeSpan.FromDays(365 * 40)), X509CertificateLoader.LoadCertificate(issued.Der).Ends());
    }

    [Fact]
    public void A_generated_authority_has_its_profile_and_openssl_accepts_it()
    {
        var issuer = CaGenerator.Generate(Bundles.Profile, Now);
        var root = OpenSsl.Describe(CertificateList.Write([issuer.Anchor]));
        var words = OpenSsl.Describe(CertificateList.Write(issuer.Chain));

        Assert.Contains("Subject: O = cluster.local", root);
        Assert.Contains("Digital Signature, Certificate Sign", root);
        Assert.DoesNotContain("CRL Sign", root);
        Assert.Contains("Subject: O = spiffe://cluster.local/ns/dapr-system/dapr-sentry", words);
        Assert.Contains("Digital Signature, Certificate Sign, CRL Sign", words);
        Assert.Contains("CA:TRUE", words);
        Assert.Equal(Seconds(Now - Bundles.Skew), issuer.Anchor.Starts());
        Assert.Equal(Seconds(Now + TimeSpan.FromDays(365)), issuer.Certificate.Ends());
        Assert.True(CaGenerator.IsGenerated(issuer.Anchor));
        Assert.True(OpenSsl.Verifies(CertificateList.Write([issuer.Anchor]), CertificateList.Write(issuer.Chain), Now));
    }

    [Fact]
    public void Two_roots_of_one_name_are_told_apart_by_every_verifier()
    {
        var now = DateTimeOffset.UtcNow;
        Issuer[] issuers = [CaGenerator.Generate(Bundles.Profile, now), CaGenerator.Generate(Bundles.Profile, now)];
        foreach (var anchors in new[] { issuers.Select(i => i.Anchor), issuers.Reverse().Select(i => i.Anchor) })
        {
            foreach (var issuer in issuers)
            {
                var (pem, _) = Issuer(issuer).IssuePem(new CertificateContent(Id, SigningRequest.ReadPublicKey(Bundles.Request()), []), now);
                Assert.True(OpenSsl.Verifies(CertificateList.Write(anchors), pem, now));

                var chain = CertificateList.Read(pem, "pem");
                using var judge = new X509Chain { ChainPolicy = TrustAnchors.Parse(Encoding.ASCII.GetString(CertificateList.Write(anchors))).CreatePolicy(new("1.3.6.1.5.5.7.3.1")) };
                judge.ChainPolicy.ExtraStore.Add(chain[1]);
                Assert.True(judge.Build(chain[0]), string.Join(", ", judge.ChainStatus.Select(s => s.StatusInformation)));
                Assert.True(judge.ChainElements[^1].Certificate.Is(issuer.Anchor));
            }
        }
    }

    private static CertificateIssuer Issuer(Issuer issuer) => new(issuer, Lifetime, Bundles.Skew);

    private static DateTimeOffset Seconds(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
