using DaprK8s.Common.Text;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Server;

/// <summary>The flags of <c>sentry rotate</c>.</summary>
/// <param name="Sentry">Where the bundle is.</param>
/// <param name="Propagation">How long the new root is to be public before anything is signed under it.</param>
/// <param name="Force">Replace a root that sentry did not generate.</param>
internal sealed record RotateOptions(SentryOptions Sentry, TimeSpan Propagation, bool Force);

/// <summary>
/// <c>sentry rotate</c>: begins the replacement of the root by hand, where the bundle is stored; the running sentry sees it and goes on
/// with it.
/// </summary>
internal sealed class RotateCommand(RotateOptions options, ISentryPlatform platform, TextWriter output, TimeProvider time)
{
    private const int Attempts = 5;

    /// <summary>Publishes a new root.</summary>
    /// <returns>Whether it was done; if not, the output says why.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var configuration = SentryConfiguration.Read(await platform.LoadConfigurationAsync(cancellationToken));
        var policy = new RotationPolicy(configuration.CertificateLifetime, configuration.ClockSkew, options.Propagation);
        var rotation = new RootRotation(new CaProfile(options.Sentry.Id, configuration.ClockSkew), policy);
        if (options.Propagation < policy.LeastPropagation)
        {
            await output.WriteLineAsync($"the propagation time is raised to {GoDuration.Format(policy.LeastPropagation)}, the lifetime of a certificate and the clock skew");
        }

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await PublishAsync(rotation, cancellationToken);
            }
            catch (StoreConflictException) when (attempt < Attempts)
            {
                // The running sentry wrote just now.
            }
        }
    }

    private async Task<bool> PublishAsync(RootRotation rotation, CancellationToken cancellationToken)
    {
        var stored = await platform.Store.LoadAsync(cancellationToken);
        if (CaBundleReader.Read(stored) is not { } bundle)
        {
            await output.WriteLineAsync("there is no certificate authority yet; sentry generates one at its first start");
            return false;
        }

        if (rotation.WhyNot(bundle, options.Force) is { } reason)
        {
            await output.WriteLineAsync(reason);
            return false;
        }

        var step = rotation.Publish(stored!, bundle, time.GetUtcNow(), options.Propagation);
        await platform.Store.SaveAsync(step.Items, stored, cancellationToken);
        platform.Events.Report(warning: false, "RootPublished", step.Message);
        await output.WriteLineAsync(step.Message);
        return true;
    }
}
