using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Oidc;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Server;

/// <summary>Sentry's flags and environment (contract: security 1.17).</summary>
internal sealed class SentryFlags(Func<string, string?> environment)
{
    private readonly FlagSet flags = new("sentry", "The certificate authority");

    /// <summary>The usage text.</summary>
    public string Usage => flags.Usage();

    /// <summary>Reads the command line of <c>sentry rotate</c>.</summary>
    /// <exception cref="FlagException">A flag is unknown or ill-typed.</exception>
    /// <exception cref="OptionException">A value makes no sense.</exception>
    public RotateOptions ParseRotate(string[] args)
    {
        var propagation = flags.Duration("propagation", "How long the new root is public before certificates are signed under it (that of --root-propagation)");
        var force = flags.Bool("force", false, "Replace also a root that sentry did not generate");
        var options = Parse(args);
        return new RotateOptions(options, propagation() ?? options.Propagation, force());
    }

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FlagException">A flag is unknown or ill-typed.</exception>
    /// <exception cref="OptionException">A value makes no sense.</exception>
    public SentryOptions Parse(string[] args)
    {
        var config = flags.Text("config", "daprsystem", "Name of the Configuration (Kubernetes) or its file (self-hosted)");
        var mode = flags.Text("mode", "standalone", "kubernetes or standalone");
        var credentials = flags.Text("issuer-credentials", new SentryOptions().Credentials, "Directory of the issuer's files");
        var anchors = flags.Text("issuer-ca-filename", BundleItems.TrustAnchors, "File of the trust anchors");
        var certificate = flags.Text("issuer-certificate-filename", BundleItems.IssuerCertificate, "File of the issuer's certificate");
        var key = flags.Text("issuer-key-filename", BundleItems.IssuerKey, "File of the issuer's key");
        var trustDomain = flags.Text("trust-domain", "localhost", "Trust domain of the control plane");
        var port = flags.Number("port", 50001, "Port of the gRPC API");
        var address = flags.Text("listen-address", "", "Address of the gRPC API; empty for all");
        var common = ServiceOptions.Declare(flags);
        var propagation = flags.Duration("root-propagation", "How long a new root is public before certificates are signed under it (720h)");
        var rotates = flags.Bool("root-rotation", true, "Replace generated roots in the last quarter of their life");
        var jwt = DeclareJwt();
        var oidc = DeclareOidc();
        flags.Parse(args);

        if (mode() is not ("kubernetes" or "standalone"))
        {
            throw new OptionException($"invalid mode: {mode()}");
        }

        if (!SpiffeId.IsTrustDomain(trustDomain()))
        {
            throw new OptionException($"invalid trust domain \"{trustDomain()}\": {SpiffeId.TrustDomainRule}");
        }

        if (propagation() is { } time && time < TimeSpan.Zero)
        {
            throw new OptionException("root-propagation cannot be negative");
        }

        var names = new Dictionary<string, string>
        {
            [BundleItems.TrustAnchors] = anchors(), [BundleItems.IssuerCertificate] = certificate(), [BundleItems.IssuerKey] = key(),
        };
        var (jwtSettings, jwtNames) = jwt();
        foreach (var (item, name) in jwtNames)
        {
            // Only absolute names have ever counted, and charts pass others (contract: security 1.17).
            if (Path.IsPathRooted(name))
            {
                names[item] = name;
            }
        }

        return new SentryOptions(common())
        {
            Config = config(),
            ConfigGiven = flags.Given("config")(),
            IsKubernetes = mode() == "kubernetes",
            Credentials = credentials(),
            ItemNames = names,
            TrustDomain = trustDomain(),
            Namespace = environment("NAMESPACE") is { Length: > 0 } ns ? ns : "default",
            Port = port(),
            ListenAddress = address(),
            Jwt = jwtSettings,
            Oidc = oidc(jwtSettings.Enabled),
            Propagation = propagation() ?? RotationPolicy.DefaultPropagation,
            RotatesRoots = rotates(),
        };
    }

    private Func<(JwtSettings Settings, Dictionary<string, string> Names)> DeclareJwt()
    {
        var enabled = flags.Bool("jwt-enabled", false, "Issue JWTs beside certificates");
        var key = flags.Text("jwt-key-filename", "", "File of the key that signs JWTs; an absolute path");
        var jwks = flags.Text("jwks-filename", "", "File of the public keys; an absolute path");
        var issuer = flags.Text("jwt-issuer", "", "Issuer claim of JWTs, and issuer of the discovery document");
        var algorithm = flags.Text("jwt-signing-algorithm", JwtSettings.DefaultAlgorithm, "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA");
        var keyId = flags.Text("jwt-key-id", "", "Id of the signing key; its thumbprint when empty");
        var lifetime = flags.Duration("jwt-ttl", "Lifetime of JWTs (24h)");
        return () =>
        {
            if (issuer().Length > 0 && !enabled())
            {
                throw new OptionException("jwt-issuer cannot be set when jwt-enabled is false");
            }

            var settings = new JwtSettings
            {
                Enabled = enabled(),
                Issuer = issuer(),
                Algorithm = algorithm() is { Length: > 0 } a ? a : JwtSettings.DefaultAlgorithm,
                KeyId = keyId(),
                Lifetime = lifetime() ?? new JwtSettings().Lifetime,
            };
            return settings.Lifetime <= TimeSpan.Zero
                ? throw new OptionException("jwt-ttl must be positive")
                : (settings, new Dictionary<string, string> { [BundleItems.JwtKey] = key(), [BundleItems.Jwks] = jwks() });
        };
    }

    private Func<bool, OidcOptions?> DeclareOidc()
    {
        var enabled = flags.Bool("oidc-enabled", false, "Serve OIDC discovery and public keys; needs jwt-enabled");
        var port = flags.Number("oidc-server-listen-port", 9080, "Port of the OIDC server");
        var address = flags.Text("oidc-server-listen-address", "localhost", "Address of the OIDC server");
        var tls = flags.Bool("oidc-server-tls-enabled", true, "Serve OIDC over TLS");
        var certificate = flags.Text("oidc-server-tls-cert-file", "", "Certificate of the OIDC server");
        var key = flags.Text("oidc-server-tls-key-file", "", "Key of the OIDC server");
        var jwksUri = flags.Text("oidc-jwks-uri", "", "Address of the public keys in the discovery document");
        var prefix = flags.Text("oidc-path-prefix", "", "Prefix of all OIDC paths");
        var hosts = flags.List("oidc-allowed-hosts", "Hosts that requests may be for, comma-separated; * for all");
        return jwtEnabled =>
        {
            if (certificate().Length > 0 != key().Length > 0)
            {
                throw new OptionException("both OIDC TLS certificate and key must be provided if one is specified");
            }

            if (!enabled())
            {
                return null;
            }

            if (tls() && certificate().Length == 0)
            {
                throw new OptionException("oidc-server-tls-cert-file is required when OIDC HTTP server is enabled (unless oidc-server-tls-enabled is false)");
            }

            return !jwtEnabled ? null : new OidcOptions
            {
                Port = port(),
                Address = address(),
                CertificateFile = tls() ? certificate() : "",
                KeyFile = tls() ? key() : "",
                JwksUri = jwksUri(),
                PathPrefix = OidcOptions.NormalisePrefix(prefix()),
                AllowedHosts = hosts(),
            };
        };
    }
}
