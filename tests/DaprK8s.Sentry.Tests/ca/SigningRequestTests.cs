using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CsCheck;
using DaprK8s.Sentry.Ca;

namespace DaprK8s.Sentry.Tests.Ca;

public sealed class SigningRequestTests
{
    private static readonly byte[] Valid = Bundles.Request();
    private static readonly byte[] ValidEd25519 = OpenSsl.CreateRequest("ed25519");

    [Theory]
    [InlineData("ed25519")]
    [InlineData("rsa")]
    [InlineData("p256")]
    [InlineData("p384")]
    [InlineData("p521")]
    public void The_key_of_a_request_of_any_kind_is_read(string kind)
    {
        using var directory = new TemporaryDirectory();
        OpenSsl.CreateKey(kind, directory["key.pem"]);
        OpenSsl.Run("req", "-new", "-key", directory["key.pem"], "-subj", "/", "-out", directory["csr.pem"]);
        OpenSsl.Run("pkey", "-in", directory["key.pem"], "-pubout", "-outform", "DER", "-out", directory["public.der"]);

        Assert.Equal(File.ReadAllBytes(directory["public.der"]), SigningRequest.ReadPublicKey(File.ReadAllBytes(directory["csr.pem"])).ToArray());
    }

    [Fact]
    public void A_signature_with_random_padding_is_accepted()
        => Assert.False(SigningRequest.ReadPublicKey(OpenSsl.CreateRequest("rsa", "-subj", "/", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1", "-sha384")).IsEmpty);

    [Fact]
    public void Wishes_for_names_and_authority_are_not_even_read()
        => Assert.False(SigningRequest.ReadPublicKey(OpenSsl.CreateRequest(
            "p256", "-subj", "/CN=admin", "-addext", "basicConstraints=CA:TRUE", "-addext", "subjectAltName=DNS:evil,URI:spiffe://public/ns/a/b")).IsEmpty);

    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN CERTIFICATE REQUEST-----\n")]
    public void What_is_no_request_is_refused(string text) => Refused(Encoding.ASCII.GetBytes(text), "invalid certificate signing request");

    [Fact]
    public void Broken_DER_is_a_parse_error()
        => Refused(Encoding.ASCII.GetBytes("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"), "failed to parse certificate signing request: ");

    [Fact]
    public void The_label_of_old_clients_is_accepted_and_later_blocks_are_ignored()
    {
        var text = Encoding.ASCII.GetString(Valid);
        var key = SigningRequest.ReadPublicKey(Valid).ToArray();

        Assert.Equal(key, SigningRequest.ReadPublicKey(Encoding.ASCII.GetBytes(text.Replace("CERTIFICATE REQUEST", "CERTIFICATE", StringComparison.Ordinal))).ToArray());
        Assert.Equal(key, SigningRequest.ReadPublicKey([.. Valid, (byte)'\n', .. ValidEd25519]).ToArray());
    }

    [Fact]
    public void A_signature_of_another_key_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var forged = new CertificateRequest(new X500DistinguishedName(""), new System.Security.Cryptography.X509Certificates.PublicKey(key), HashAlgorithmName.SHA256)
            .CreateSigningRequestPem(X509SignatureGenerator.CreateForECDsa(other));
        Refused(Encoding.ASCII.GetBytes(forged), "invalid signature");
    }

    [Fact]
    public void A_signature_by_a_broken_digest_is_refused()
        => Refused(OpenSsl.CreateRequest("rsa", "-subj", "/", "-sha1"), "invalid signature");

    [Fact]
    public void A_short_RSA_key_and_a_huge_request_are_refused()
    {
        using var key = RSA.Create(512);
        var request = new CertificateRequest("", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem();
        Refused(Encoding.ASCII.GetBytes(request), "invalid signature");
        Refused([.. Valid, .. new byte[SigningRequest.MaxBytes]], "invalid certificate signing request");
    }

    [Fact]
    public void No_change_of_a_byte_gets_through_or_crashes()
    {
        foreach (var valid in new[] { Der(Valid), Der(ValidEd25519) })
        {
            Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Sample(
                (at, value) =>
                {
                    var changed = valid.ToArray();
                    changed[at] = value;
                    Assert.True(value == valid[at] || IsRefused(Pem(changed)), $"byte {at} = {value}");
                },
                iter: 3000);
        }
    }

    [Fact]
    public void Random_bytes_and_cut_requests_are_refused_and_nothing_else()
    {
        Gen.Byte.Array[0, 300].Sample(bytes => Assert.True(IsRefused(bytes) && IsRefused(Pem(bytes))), iter: 3000);
        var der = Der(Valid);
        Gen.Int[0, der.Length - 1].Sample(length => Assert.True(IsRefused(Pem(der[..length]))), iter: 500);
        Gen.Select(Gen.Int[0, der.Length], Gen.Byte.Array[1, 20]).Sample(
            (at, extra) => Assert.True(IsRefused(Pem([.. der[..at], .. extra, .. der[at..]]))), iter: 2000);
    }

    private static byte[] Der(byte[] pem)
    {
        var text = Encoding.ASCII.GetString(pem);
        return Convert.FromBase64String(text[PemEncoding.Find(text).Base64Data]);
    }

    private static byte[] Pem(byte[] der) => PemEncoding.WriteUtf8("CERTIFICATE REQUEST"u8, der);

    private static bool IsRefused(byte[] pem)
    {
        try
        {
            SigningRequest.ReadPublicKey(pem);
            return false;
        }
        catch (SigningRequestException)
        {
            return true;
        }
    }

    private static void Refused(ReadOnlySpan<byte> pem, string text)
    {
        var bytes = pem.ToArray();
        Assert.StartsWith(text, Assert.Throws<SigningRequestException>(() => SigningRequest.ReadPublicKey(bytes)).Message);
    }
}
