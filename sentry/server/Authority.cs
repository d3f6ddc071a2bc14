using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary>
/// The authority in force. What is stored is watched and taken over as one (contract: security 1.13); a request holds the state that it
/// began with, and what is stored but can't be used leaves the former state in force.
/// </summary>
internal sealed class Authority(
    BundleSource source, RotationPolicy policy, JwtSettings jwt, SentryMetrics metrics, TimeProvider time, ILogger logger)
{
    private readonly SemaphoreSlim loading = new(1);
    private volatile AuthorityState? state;
    private volatile TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the next change. Take it before <see cref="Current"/>, so that none is missed.</summary>
    public Task Changed => changed.Task;

    /// <summary>The state in force, once there is one.</summary>
    public AuthorityState? Current => state;

    /// <summary>Loads for the first time, generating what doesn't exist.</summary>
    /// <exception cref="CaBundleException">What is stored can't be used.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        source.Generated += metrics.IssuerChanged;
        metrics.Bundle = () => state?.Bundle.Ca;
        Take(await source.LoadAsync(generate: true, cancellationToken));
    }

    /// <summary>Takes over what is stored now, if it differs.</summary>
    public async Task ReloadAsync(CancellationToken cancellationToken)
    {
        await loading.WaitAsync(cancellationToken);
        try
        {
            var loaded = await source.LoadAsync(generate: false, cancellationToken);
            metrics.BundleRefused(false);
            var former = state!.Bundle;
            if (IsSame(former.Stored, loaded.Stored))
            {
                // The version counts for the next save even so.
                state = state with { Bundle = former with { Stored = loaded.Stored } };
                return;
            }

            logger.LogWarning("Issuer credentials changed; reloading");
            metrics.IssuerChanged();
            Take(loaded);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            metrics.BundleRefused(e is CaBundleException);
            logger.LogError("the certificate authority could not be reloaded, the former one stays in force: {Error}", e.Message);
        }
        finally
        {
            loading.Release();
        }
    }

    /// <summary>Reloads after each change of the store, until cancellation.</summary>
    public async Task WatchAsync(ICaStore store, CancellationToken cancellationToken)
    {
        await foreach (var _ in store.WatchAsync(cancellationToken))
        {
            await ReloadAsync(cancellationToken);
        }
    }

    private void Take(LoadedBundle loaded)
    {
        state = new AuthorityState(
            loaded,
            new CertificateIssuer(loaded.Ca.Issuer, policy.CertificateLifetime, policy.ClockSkew),
            loaded.Ca.Next is { } next ? new CertificateIssuer(next, policy.CertificateLifetime, policy.ClockSkew) : null,
            loaded.Jwt is { } material && jwt.Enabled ? new JwtIssuer(material, jwt, policy.ClockSkew) : null,
            policy.ClockSkew,
            ByteString.CopyFrom(loaded.Ca.TrustAnchorsPem));
        Interlocked.Exchange(ref changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        var issuer = loaded.Ca.SigningAt(time.GetUtcNow(), policy.ClockSkew);
        logger.LogInformation(
            "certificates are signed by {Issuer} under {Root}, which has {Days} days left; trust anchors: {Count}",
            issuer.Certificate.Subject, issuer.Anchor.Describe(), Math.Max(0, (int)(issuer.Anchor.Ends() - time.GetUtcNow()).TotalDays), loaded.Ca.TrustAnchors.Count);
    }

    private static bool IsSame(StoredBundle a, StoredBundle b)
        => a.Items.Count == b.Items.Count && a.Items.All(i => b[i.Key] is { } other && other.Span.SequenceEqual(i.Value.Span));
}

/// <summary>One state of the authority.</summary>
/// <param name="Bundle">What it was read from.</param>
/// <param name="Issuer">Signs now.</param>
/// <param name="Next">Signs from the take-over on.</param>
/// <param name="Jwt">Issues JWTs; <see langword="null"/> when that is off.</param>
/// <param name="ClockSkew">How far clocks may be apart.</param>
/// <param name="TrustAnchors">What is sent along with each certificate.</param>
internal sealed record AuthorityState(
    LoadedBundle Bundle, CertificateIssuer Issuer, CertificateIssuer? Next, JwtIssuer? Jwt, TimeSpan ClockSkew, ByteString TrustAnchors)
{
    /// <summary>What signs at a time; the change-over needs no reload, and happens at the same moment in every replica.</summary>
    public CertificateIssuer IssuerAt(DateTimeOffset now)
        => Next is not null && ReferenceEquals(Bundle.Ca.SigningAt(now, ClockSkew), Bundle.Ca.Next) ? Next : Issuer;
}
