using System.Diagnostics;
using System.Text;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Tests;

/// <summary>The <c>openssl</c> program: an authority, and a judge, that is not ours.</summary>
internal static class OpenSsl
{
    /// <summary>Runs a command that must succeed.</summary>
    public static string Run(params string[] arguments)
    {
        var (code, output) = TryRun(arguments);
        Assert.True(code == 0, $"openssl {string.Join(' ', arguments)}: {output}");
        return output;
    }

    /// <summary>Runs a command; answers its exit code and all that it printed.</summary>
    public static (int Code, string Output) TryRun(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("openssl", arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        })!;
        process.StandardInput.Close();
        var output = new StringBuilder();
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        lock (output)
        {
            return (process.ExitCode, output.ToString());
        }

        void Append(object sender, DataReceivedEventArgs e)
        {
            lock (output)
            {
                output.AppendLine(e.Data);
            }
        }
    }

    /// <summary>Makes a key in PKCS#8.</summary>
    public static void CreateKey(string kind, string file)
    {
        string[] arguments = kind switch
        {
            "ed25519" => ["genpkey", "-algorithm", "ed25519"],
            "rsa" => ["genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"],
            "p256" => ["genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "p384" => ["genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
            "p521" => ["genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such kind of key"),
        };
        Run([.. arguments, "-out", file]);
    }

    /// <summary>Makes a root, files <c>NAME.crt</c> and <c>NAME.key</c>.</summary>
    public static void CreateRoot(TemporaryDirectory directory, string name, string kind, int days = 30)
    {
        CreateKey(kind, directory[$"{name}.key"]);
        Run("req", "-x509", "-new", "-key", directory[$"{name}.key"], "-subj", $"/CN=Root {name}", "-days", $"{days}", "-out", directory[$"{name}.crt"],
            "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature");
    }

    /// <summary>Makes an issuer under another, files <c>NAME.crt</c> and <c>NAME.key</c>.</summary>
    public static void CreateIssuer(TemporaryDirectory directory, string name, string kind, string signer, string extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature")
    {
        CreateKey(kind, directory[$"{name}.key"]);
        Run("req", "-new", "-key", directory[$"{name}.key"], "-subj", $"/CN=Issuer {name}", "-out", directory[$"{name}.csr"]);
        directory.Write($"{name}.ext", extensions + "\nsubjectKeyIdentifier=hash\n");
        Run("x509", "-req", "-in", directory[$"{name}.csr"], "-CA", directory[$"{signer}.crt"], "-CAkey", directory[$"{signer}.key"], "-CAcreateserial",
            "-days", "20", "-extfile", directory[$"{name}.ext"], "-out", directory[$"{name}.crt"]);
    }

    /// <summary>A user's authority of some kind of keys, as it would be stored.</summary>
    public static StoredBundle CreateBundle(string kind)
    {
        using var directory = new TemporaryDirectory();
        CreateRoot(directory, "root", kind);
        CreateIssuer(directory, "issuer", kind, "root");
        return Bundles.Of(
            (BundleItems.TrustAnchors, File.ReadAllText(directory["root.crt"])),
            (BundleItems.IssuerCertificate, File.ReadAllText(directory["issuer.crt"])),
            (BundleItems.IssuerKey, File.ReadAllText(directory["issuer.key"])));
    }

    /// <summary>A signing request in PEM with whatever a caller may wish for.</summary>
    public static byte[] CreateRequest(string kind, params string[] wishes)
    {
        using var directory = new TemporaryDirectory();
        CreateKey(kind, directory["leaf.key"]);
        Run(["req", "-new", "-key", directory["leaf.key"], "-out", directory["leaf.csr"], .. wishes.Length > 0 ? wishes : ["-subj", "/"]]);
        return File.ReadAllBytes(directory["leaf.csr"]);
    }

    /// <summary>The certificate in words.</summary>
    public static string Describe(ReadOnlySpan<byte> pem)
    {
        using var directory = new TemporaryDirectory();
        return Run("x509", "-in", directory.Write("c.pem", pem), "-noout", "-text");
    }

    /// <summary>Whether a chain (leaf first) is good under anchors at a time.</summary>
    public static bool Verifies(ReadOnlySpan<byte> anchors, ReadOnlySpan<byte> chain, DateTimeOffset at)
    {
        using var directory = new TemporaryDirectory();
        return TryRun("verify", "-attime", $"{at.ToUnixTimeSeconds()}", "-CAfile", directory.Write("ca.pem", anchors),
            "-untrusted", directory.Write("chain.pem", chain), directory["chain.pem"]).Code == 0;
    }
}
