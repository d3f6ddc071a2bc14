using DaprK8s.Protos.Sentry.V1;

namespace DaprK8s.Sentry.Validators;

/// <summary>Decides whether a caller is who it says it is, and in which trust domain (contract: security 1.3 to 1.7).</summary>
internal interface IRequestValidator
{
    /// <summary>Name of the health target that stands for this validator; empty when it needs no time to get ready.</summary>
    string HealthTarget { get; }

    /// <summary>Whether requests can be validated by now.</summary>
    bool IsReady { get; }

    /// <summary>Keeps what the validator works with (caches, key sets) up to date until cancellation.</summary>
    /// <exception cref="Exception">It can't ever work; ends the process.</exception>
    Task RunAsync(CancellationToken cancellationToken);

    /// <summary>Validates a request. Begins with <see cref="RequestRules.Check"/>.</summary>
    /// <exception cref="ValidationException">The request is refused.</exception>
    ValueTask<ValidatedRequest> ValidateAsync(SignCertificateRequest request, CancellationToken cancellationToken);
}

/// <summary>A request is refused; the message is shown to the caller.</summary>
internal sealed class ValidationException(string message) : Exception(message);

/// <summary>What a validator vouches for, besides the request's own namespace and id.</summary>
/// <param name="TrustDomain">The workload's trust domain.</param>
/// <param name="ContainerImages">
/// UTF-8 JSON array for the container-image extension (contract: security 1.10); empty for none. The certificate writer wraps it.
/// </param>
internal sealed record ValidatedRequest(string TrustDomain, ReadOnlyMemory<byte> ContainerImages = default);
