namespace DaprK8s.Common.Identity.Jwt;

/// <summary>What a token must say to be accepted, besides being signed by a key of the set.</summary>
public sealed class JwtExpectations
{
    /// <summary>The only accepted issuer (<c>iss</c>, compared exactly); <see langword="null"/> when any is.</summary>
    public string? Issuer { get; init; }

    /// <summary>The token must be meant for one of these (<c>aud</c>, compared exactly). With none listed every token is refused.</summary>
    public required IReadOnlyList<string> Audiences { get; init; }

    /// <summary>The only accepted subject (<c>sub</c>, compared exactly); <see langword="null"/> when any is.</summary>
    public string? Subject { get; init; }

    /// <summary>How far the clocks of issuer and verifier may be apart, for <c>exp</c>, <c>nbf</c> and <c>iat</c>.</summary>
    public TimeSpan Skew { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
