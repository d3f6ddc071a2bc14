using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Text;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.Sentry.Validators;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>
/// Ties an identity to a pod: the API server vouches for the token, the token names the pod, and the pod says which app it is and,
/// through its Configuration, in which trust domain (contract: security 1.5). What the caller asks for is only compared, never taken.
/// </summary>
internal sealed class KubernetesValidator : IRequestValidator
{
    private const string NoPod = "failed to get pod of identity";

    private readonly KubernetesClient client;
    private readonly SpiffeId sentry;
    private readonly ILogger logger;
    private readonly TokenReviews reviews;
    private readonly ReviewMemory memory;
    private readonly Informer<WatchedPod> pods;
    private readonly Informer<WatchedConfiguration> configurations;

    /// <summary>Makes a validator.</summary>
    /// <param name="client">The API server.</param>
    /// <param name="sentry">Our own id: its trust domain and namespace are the control plane's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told why a caller was refused, where the caller is not.</param>
    public KubernetesValidator(KubernetesClient client, SpiffeId sentry, TimeProvider time, ILogger logger)
    {
        this.client = client;
        this.sentry = sentry;
        this.logger = logger;
        reviews = new TokenReviews(client, sentry.ToString());
        memory = new ReviewMemory(time);
        pods = new Informer<WatchedPod>(client, SentryResources.WatchedPods, new InformerScope { MetadataOnly = true }, logger, time)
        {
            Changed = change => Forget((change.After ?? change.Before)!),
        };
        configurations = new Informer<WatchedConfiguration>(client, SentryResources.Configurations, new InformerScope(), logger, time);
    }

    /// <inheritdoc/>
    public string HealthTarget => "sentry-kubernetes-validator";

    /// <inheritdoc/>
    public bool IsReady => pods.HasSynced && configurations.HasSynced;

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken cancellationToken)
        => Task.WhenAll(pods.RunAsync(cancellationToken), configurations.RunAsync(cancellationToken));

    /// <inheritdoc/>
    public async ValueTask<ValidatedRequest> ValidateAsync(SignCertificateRequest request, CancellationToken cancellationToken)
    {
        // The trust domain that is asked for must be well-formed, but never counts.
        RequestRules.Check(request);
        await SyncAsync(cancellationToken);
        var (account, pod) = await IdentifyAsync(request.Token, cancellationToken);
        if (request.Namespace != account.Namespace)
        {
            throw new ValidationException($"namespace mismatch; received namespace: {request.Namespace}");
        }

        if (pod.Spec?.ServiceAccountName != account.Name)
        {
            throw new ValidationException("pod service account mismatch");
        }

        var expected = ExpectedIdentity.Of(pod, account.Namespace, sentry.Namespace);
        if (request.Id != expected.AppId)
        {
            throw new ValidationException($"app-id mismatch. expected: {expected.AppId}, received: {request.Id}");
        }

        var trustDomain = expected.IsControlPlane ? sentry.TrustDomain : await TrustDomainAsync(pod, account.Namespace, cancellationToken);
        return new ValidatedRequest(trustDomain, ContainerImages.Write(pod));
    }

    private async Task SyncAsync(CancellationToken cancellationToken)
    {
        if (IsReady)
        {
            return;
        }

        try
        {
            await Task.WhenAll(pods.WaitForSyncAsync(cancellationToken), configurations.WaitForSyncAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            throw new ValidationException("validator not ready");
        }
    }

    /// <summary>Whose token it is, and the pod that it was issued for, as it is now.</summary>
    private async Task<(ReviewedAccount Account, Pod Pod)> IdentifyAsync(string token, CancellationToken cancellationToken)
    {
        if (memory.Find(token) is { } remembered)
        {
            var known = await PodAsync(remembered, cancellationToken);
            if (IsPodOf(remembered, known))
            {
                return (remembered, known);
            }

            // Another pod of the same name, and the watch has not told yet: only the API server knows what the token is good for now.
            memory.ForgetPod(remembered.Namespace, remembered.Token.PodName);
        }

        var account = await reviews.ReviewAsync(token, cancellationToken);
        var pod = await PodAsync(account, cancellationToken);
        if (!IsPodOf(account, pod))
        {
            logger.LogWarning("pod {namespace}/{pod} is not the one that the token was issued for", account.Namespace, account.Token.PodName);
            throw new ValidationException(NoPod);
        }

        memory.Add(token, account);
        return (account, pod);
    }

    private async Task<Pod> PodAsync(ReviewedAccount account, CancellationToken cancellationToken)
    {
        try
        {
            return await client.GetOrFindAsync(SentryResources.Pods, null, account.Namespace, account.Token.PodName, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.LogWarning("pod {namespace}/{pod} of a requested identity: {message}", account.Namespace, account.Token.PodName, e.Message);
            throw new ValidationException(NoPod);
        }
    }

    private async ValueTask<string> TrustDomainAsync(Pod pod, string @namespace, CancellationToken cancellationToken)
    {
        if (pod.Metadata.Annotations?.GetValueOrDefault(ExpectedIdentity.ConfigAnnotation) is not { } name)
        {
            return SpiffeId.PublicTrustDomain;
        }

        var configuration = await ConfigurationAsync(@namespace, name, cancellationToken);
        var trustDomain = configuration.Spec?.AccessControl?.TrustDomain;
        if (string.IsNullOrEmpty(trustDomain))
        {
            return SpiffeId.PublicTrustDomain;
        }

        return SpiffeId.IsTrustDomain(trustDomain)
            ? trustDomain
            : throw new ValidationException($"failed to parse trust domain {GoQuote.Quote(trustDomain)}: {SpiffeId.TrustDomainRule}");
    }

    private async ValueTask<WatchedConfiguration> ConfigurationAsync(string @namespace, string name, CancellationToken cancellationToken)
    {
        const string Failed = "failed to get configuration";
        if (name.Length == 0)
        {
            throw new ValidationException(Failed);
        }

        if (configurations.Find(@namespace, name) is { } known)
        {
            return known;
        }

        try
        {
            // Applied together with the pod, it may be too new for the copy.
            return await client.GetAsync(SentryResources.Configurations, @namespace, name, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.LogWarning("Configuration {namespace}/{name} of a pod: {message}", @namespace, name, e.Message);
            throw new ValidationException(Failed);
        }
    }

    private void Forget(WatchedPod pod) => memory.ForgetPod(pod.Metadata.Namespace ?? "", pod.Metadata.Name);

    private static bool IsPodOf(ReviewedAccount account, Pod pod) => account.Token.PodUid is not { Length: > 0 } uid || uid == pod.Metadata.Uid;
}
