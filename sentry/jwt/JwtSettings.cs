namespace DaprK8s.Sentry.Jwt;

/// <summary>What the flags say about JWTs (contract: security 1.14, 1.17).</summary>
internal sealed record JwtSettings
{
    /// <summary>The algorithm when none is given.</summary>
    public const string DefaultAlgorithm = "RS256";

    /// <summary>Whether JWTs are issued.</summary>
    public bool Enabled { get; init; }

    /// <summary>The claim <c>iss</c>; empty for none.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>The signature algorithm.</summary>
    public string Algorithm { get; init; } = DefaultAlgorithm;

    /// <summary>The id of the signing key; empty for its thumbprint.</summary>
    public string KeyId { get; init; } = "";

    /// <summary>How long tokens live.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(24);
}
