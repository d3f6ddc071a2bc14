namespace DaprK8s.Common.Identity;

/// <summary>The validator that sentry is asked to judge a token with (contract: security 1.1).</summary>
public enum TokenValidator
{
    /// <summary>Sentry's default.</summary>
    Unknown = 0,

    /// <summary>No proof at all; self-hosted.</summary>
    Insecure = 1,

    /// <summary>A service account token, reviewed by the API server.</summary>
    Kubernetes = 2,

    /// <summary>A JWT by a key set.</summary>
    Jwks = 3,
}

/// <summary>
/// Where the proof shown to sentry comes from (contract: security 2.3). The file is read for every request, so a rotated token is
/// picked up.
/// </summary>
public sealed class IdentityToken
{
    /// <summary>Names a token file, whatever the mode.</summary>
    public const string FileVariable = "DAPR_SENTRY_TOKEN_FILE";

    private const string Projected = "/var/run/secrets/dapr.io/sentrytoken/token";
    private const string Legacy = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    private readonly bool isKubernetes;
    private readonly string? configured;

    /// <summary>Decides on the source.</summary>
    /// <param name="isKubernetes">The process runs in Kubernetes mode.</param>
    /// <param name="configured">The value of <see cref="FileVariable"/>; <see langword="null"/> when unset.</param>
    /// <exception cref="IdentityException">The variable is set to nothing.</exception>
    public IdentityToken(bool isKubernetes, string? configured)
    {
        if (configured is { Length: 0 })
        {
            throw new IdentityException($"environmental variable {FileVariable} is set with an empty value");
        }

        (this.isKubernetes, this.configured) = (isKubernetes, configured);
    }

    /// <summary>The token is that of the service account, made for the API server: nobody else should be shown it.</summary>
    public bool IsLegacy => isKubernetes && configured is null && !File.Exists(Projected) && File.Exists(Legacy);

    /// <summary>Reads the token.</summary>
    /// <exception cref="IdentityException">The file can't be read or is empty.</exception>
    public async ValueTask<(string Token, TokenValidator Validator)> ReadAsync(CancellationToken cancellationToken)
    {
        if (configured is not null)
        {
            return (await ReadAsync(configured, cancellationToken), isKubernetes ? TokenValidator.Kubernetes : TokenValidator.Jwks);
        }

        // Without any token it is sentry's to say what that is worth.
        return isKubernetes && new[] { Projected, Legacy }.FirstOrDefault(File.Exists) is { } mounted
            ? (await ReadAsync(mounted, cancellationToken), TokenValidator.Kubernetes)
            : ("", TokenValidator.Unknown);
    }

    private static async ValueTask<string> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return (await File.ReadAllTextAsync(path, cancellationToken)).Trim() is { Length: > 0 } token
                ? token : throw new IdentityException($"token at path '{path}' is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IdentityException($"failed to read token at path '{path}': {e.Message}", e);
        }
    }
}
