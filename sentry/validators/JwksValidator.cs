using DaprK8s.Common.Identity;
using DaprK8s.Common.Identity.Jwt;
using DaprK8s.Protos.Sentry.V1;

namespace DaprK8s.Sentry.Validators;

/// <summary>Believes callers whose token a key of a known set has signed for exactly their identity (contract: security 1.6).</summary>
internal sealed class JwksValidator(JwksSource source, SpiffeId sentry, TimeProvider time) : IRequestValidator
{
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    public string HealthTarget => "sentry-jwks-validator";

    /// <inheritdoc/>
    public bool IsReady => source.Current is not null;

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => source.RunAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ValidatedRequest> ValidateAsync(SignCertificateRequest request, CancellationToken cancellationToken)
    {
        if (request.Token.Length == 0)
        {
            throw new ValidationException("the request does not contain a token");
        }

        var keys = source.Current ?? throw new ValidationException("jwks validator not ready");
        var trustDomain = RequestRules.Check(request);
        try
        {
            var id = SpiffeId.Create(trustDomain, request.Namespace, request.Id);
            JwtVerifier.Verify(request.Token, keys, new JwtExpectations
            {
                Audiences = [sentry.ToString()], Subject = id.ToString(), Skew = Skew, Time = time,
            });
        }
        catch (FormatException e)
        {
            throw new ValidationException($"failed to construct SPIFFE ID for requestor: {e.Message}");
        }
        catch (JwtException e)
        {
            throw new ValidationException($"token validation failed: {e.Message}");
        }

        return ValueTask.FromResult(new ValidatedRequest(trustDomain));
    }
}
