namespace DaprK8s.Common.Identity;

/// <summary>What an issuer answers to a certificate signing request.</summary>
/// <param name="CertificateChain">PEM: the leaf, then its issuers.</param>
/// <param name="TrustAnchors">PEM: all anchors, or <see langword="null"/> when none were sent.</param>
public sealed record IssuedSvid(ReadOnlyMemory<byte> CertificateChain, string? TrustAnchors)
{
    /// <summary>The JWT form, if any.</summary>
    public string? Jwt { get; init; }

    /// <summary>A JWT for each audience.</summary>
    public IReadOnlyDictionary<string, string> JwtByAudience { get; init; } = new Dictionary<string, string>();
}

/// <summary>Issues identities: sentry over the network, or sentry itself for its own.</summary>
public interface ISvidIssuer
{
    /// <summary>Asks for a certificate.</summary>
    /// <param name="signingRequest">PEM, <c>CERTIFICATE REQUEST</c>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="SvidRequestException">It was not to be had.</exception>
    Task<IssuedSvid> IssueAsync(string signingRequest, CancellationToken cancellationToken);
}

/// <summary>A request for an identity failed.</summary>
/// <param name="message">What went wrong, prefixed as the contract has it (security 2.2).</param>
/// <param name="reason">The metric's reason: <c>sentry_conn</c>, <c>sentry_token</c>, <c>sign</c>, <c>invalid_ts</c>, <c>jwt_parse</c>, <c>jwt_aud</c>.</param>
/// <param name="isPassing">Trying again may help; otherwise sentry has said no.</param>
/// <param name="cause">What broke.</param>
public sealed class SvidRequestException(string message, string reason, bool isPassing, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The metric's reason.</summary>
    public string Reason { get; } = reason;

    /// <summary>Whether trying again may help.</summary>
    public bool IsPassing { get; } = isPassing;
}
