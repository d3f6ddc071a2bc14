namespace DaprK8s.Sentry.Oidc;

/// <summary>How OIDC discovery is served (contract: security 1.15).</summary>
internal sealed record OidcOptions
{
    public int Port { get; init; } = 9080;

    public string Address { get; init; } = "localhost";

    /// <summary>PEM; empty for clear text.</summary>
    public string CertificateFile { get; init; } = "";

    public string KeyFile { get; init; } = "";

    /// <summary>Where the keys are to be had, if elsewhere.</summary>
    public string JwksUri { get; init; } = "";

    /// <summary>Empty, or a path that begins with a slash and doesn't end with one.</summary>
    public string PathPrefix { get; init; } = "";

    /// <summary>Hosts that requests may be for; empty for no check.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Whether the server speaks TLS.</summary>
    public bool HasTls => CertificateFile.Length > 0;

    /// <summary>Brings a prefix into its form.</summary>
    public static string NormalisePrefix(string prefix)
    {
        var bare = prefix.Trim('/');
        return bare.Length == 0 ? "" : "/" + bare;
    }
}
