using DaprK8s.Protos.Sentry.V1;

namespace DaprK8s.Sentry.Validators;

/// <summary>Believes every caller (contract: security 1.4): self-hosted development only.</summary>
internal sealed class InsecureValidator : IRequestValidator
{
    /// <inheritdoc/>
    public string HealthTarget => "";

    /// <inheritdoc/>
    public bool IsReady => true;

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask<ValidatedRequest> ValidateAsync(SignCertificateRequest request, CancellationToken cancellationToken)
        => ValueTask.FromResult(new ValidatedRequest(RequestRules.Check(request)));
}
