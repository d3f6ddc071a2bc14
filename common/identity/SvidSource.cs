using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Identity;

/// <summary>What happens to a process's identity, for metrics.</summary>
public interface ISvidEvents
{
    /// <summary>An identity is held and in use: the first, or a renewed one.</summary>
    void Obtained(Svid svid, bool isFirst);

    /// <summary>A request failed.</summary>
    void Failed(string reason, bool isFirst);
}

/// <summary>
/// Obtains the identity of a process and renews it at half of its life (contract: security 2.2, 2.4). Once held it is kept: while the
/// issuer can't be reached the old one stays in use, and each handshake takes the newest.
/// </summary>
/// <param name="issuer">Whom to ask.</param>
/// <param name="anchors">What peers are judged by; takes over what the issuer sends along.</param>
/// <param name="events">Told what happens.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told what happens.</param>
/// <param name="keys">Makes the keys that are asked for with; ECDSA P-256 when absent.</param>
public sealed class SvidSource(
    ISvidIssuer issuer, TrustAnchorSource anchors, ISvidEvents events, TimeProvider time, ILogger logger, SvidKeys? keys = null)
    : IIdentity, IAsyncDisposable
{
    private static readonly TimeSpan RenewalPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestFirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ReplacedLinger = TimeSpan.FromMinutes(2);

    private readonly SvidKeys keys = keys ?? new SvidKeys(SvidKey.EcdsaP256);
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource<Svid> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Svid? current;
    private Task loop = Task.CompletedTask;

    /// <summary>The identity held, once there is one.</summary>
    public Svid? Current => current;

    /// <summary>Completes with the first identity; fails with <see cref="SvidRequestException"/> when it was refused for good.</summary>
    public Task<Svid> First => first.Task;

    /// <summary>Begins to ask for the first identity.</summary>
    public void Start() => loop = Task.Run(RunAsync);

    /// <inheritdoc/>
    public ValueTask<(Svid Svid, TrustAnchors Anchors)> GetAsync(CancellationToken cancellationToken)
        => current is { } svid && anchors.Current is { } held ? new((svid, held)) : WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await loop;
        current?.Dispose();
        stop.Dispose();
    }

    private async ValueTask<(Svid Svid, TrustAnchors Anchors)> WaitAsync(CancellationToken cancellationToken)
    {
        await First.WaitAsync(cancellationToken);
        await anchors.Ready.WaitAsync(cancellationToken);
        return (current!, anchors.Current!);
    }

    private async Task RunAsync()
    {
        try
        {
            await ObtainFirstAsync();
            while (true)
            {
                await SleepUntilAsync(RenewalOf(current!));
                await RenewAsync();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            first.TrySetCanceled();
        }
        catch (Exception e)
        {
            first.TrySetException(e);
            _ = first.Task.Exception; // Observed here: nobody may be waiting.
        }
    }

    private async Task ObtainFirstAsync()
    {
        var pause = TimeSpan.FromMilliseconds(100);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Use(await RequestAsync());
                return;
            }
            catch (SvidRequestException e)
            {
                events.Failed(e.Reason, isFirst: true);
                if (!e.IsPassing)
                {
                    throw;
                }

                logger.LogWarning("Waiting for an identity, attempt {Attempt} failed, trying again: {Problem}", attempt, e.Message);
            }

            await Task.Delay(Jitter(pause), time, stop.Token);
            pause = pause * 2 < LongestFirstPause ? pause * 2 : LongestFirstPause;
        }
    }

    private async Task RenewAsync()
    {
        while (true)
        {
            try
            {
                logger.LogInformation("Renewing the workload certificate; the current one ends at {End:u}", current!.NotAfter.UtcDateTime);
                Use(await RequestAsync());
                return;
            }
            catch (SvidRequestException e)
            {
                events.Failed(e.Reason, isFirst: false);
                logger.LogError(
                    "Failed to renew the workload certificate, going on with the one that {State} {End:u}, trying again: {Problem}",
                    current!.NotAfter > time.GetUtcNow() ? "is valid until" : "ended at", current.NotAfter.UtcDateTime, e.Message);
            }

            await Task.Delay(Jitter(RenewalPause), time, stop.Token);
        }
    }

    private async Task<Svid> RequestAsync()
    {
        var key = await keys.NextAsync();
        var answer = await issuer.IssueAsync(RequestFor(key).CreateSigningRequestPem(), stop.Token);
        var svid = SvidReader.Read(answer, key);
        if (answer.TrustAnchors is { } pem)
        {
            try
            {
                anchors.Adopt(TrustAnchors.Parse(pem));
            }
            catch (IdentityException e)
            {
                logger.LogWarning("The trust anchors that sentry sent along can't be used: {Problem}", e.Message);
            }
        }

        return svid;
    }

    private static CertificateRequest RequestFor(AsymmetricAlgorithm key)
    {
        var nobody = new X500DistinguishedName("");
        return key is RSA rsa
            ? new CertificateRequest(nobody, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(nobody, (ECDsa)key, HashAlgorithmName.SHA256);
    }

    private void Use(Svid svid)
    {
        var old = current;
        current = svid;
        events.Obtained(svid, isFirst: old is null);
        logger.LogInformation(
            "Security is initialized successfully: {Id}, valid until {End:u}, renewal at {Renewal:u}",
            svid.Id, svid.NotAfter.UtcDateTime, RenewalOf(svid).UtcDateTime);
        first.TrySetResult(svid);
        if (old is not null)
        {
            // A handshake may still be at work with it.
            _ = DisposeLaterAsync(old);
        }
    }

    private async Task DisposeLaterAsync(Svid old)
    {
        await Task.Delay(ReplacedLinger, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        old.Dispose();
    }

    private DateTimeOffset RenewalOf(Svid svid)
    {
        var half = svid.NotBefore + ((svid.NotAfter - svid.NotBefore) / 2);

        // With a life shorter than the clock skew allowed before it, half of the whole is in the past.
        var now = time.GetUtcNow();
        var due = half > now ? half : now + ((svid.NotAfter - now) / 2);
        return svid.JwtNotAfter is { } jwtEnd && now + ((jwtEnd - now) / 2) is var jwt && jwt < due ? jwt : due;
    }

    // Short naps: a machine that slept must not wait for what is long due.
    private async Task SleepUntilAsync(DateTimeOffset due)
    {
        while (due - time.GetUtcNow() is { Ticks: > 0 } left)
        {
            await Task.Delay(left < LongestSleep ? left : LongestSleep, time, stop.Token);
        }
    }

    private static TimeSpan Jitter(TimeSpan pause) => pause * (0.8 + (Random.Shared.NextDouble() * 0.4));
}
