using DaprK8s.Common.Identity;
using DaprK8s.Protos.Sentry.V1;

namespace DaprK8s.Sentry.Validators;

/// <summary>What every request must fulfil, whoever validates it (contract: security 1.3).</summary>
internal static class RequestRules
{
    private const int MaxAppIdLength = 64;

    /// <summary>Checks a request.</summary>
    /// <returns>The trust domain that it asks for, <c>public</c> when it asks for none.</returns>
    /// <exception cref="ValidationException">It is malformed; the message names all that is wrong.</exception>
    public static string Check(SignCertificateRequest request)
    {
        List<string> wrong = [];
        if (request.Id.Length == 0)
        {
            wrong.Add("parameter app-id cannot be empty");
        }
        else if (request.Id.Contains('.'))
        {
            wrong.Add("parameter app-id cannot contain dots");
        }

        if (request.Id.Length > MaxAppIdLength)
        {
            wrong.Add($"app ID must be {MaxAppIdLength} characters or less");
        }

        if (request.CertificateSigningRequest.IsEmpty)
        {
            wrong.Add("CSR is required");
        }

        if (request.Namespace.Length == 0)
        {
            wrong.Add("namespace is required");
        }

        if (wrong.Count > 0)
        {
            throw new ValidationException($"invalid request: {string.Join('\n', wrong)}");
        }

        if (request.TrustDomain.Length == 0)
        {
            return SpiffeId.PublicTrustDomain;
        }

        return SpiffeId.IsTrustDomain(request.TrustDomain) ? request.TrustDomain : throw new ValidationException(SpiffeId.TrustDomainRule);
    }
}
