using DaprK8s.Common.Resources;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;
using DaprK8s.Sentry.Validators;

namespace DaprK8s.Sentry.Server;

/// <summary>Sentry on a machine: files for the bundle and the Configuration.</summary>
internal sealed class SelfHosted(SentryOptions options, Func<string, string?> environment, TimeProvider time) : ISentryPlatform
{
    /// <inheritdoc/>
    public ICaStore Store { get; } = new FileCaStore(options.Credentials, options.ItemNames, time);

    /// <inheritdoc/>
    public IRequestValidator? Validator => null;

    /// <inheritdoc/>
    public ICaEvents Events { get; } = new NoCaEvents();

    /// <inheritdoc/>
    public Task<MtlsSpec?> LoadConfigurationAsync(CancellationToken cancellationToken)
    {
        // The default is the name of a Kubernetes object; a file is needed only when one was named.
        if (!options.ConfigGiven && !File.Exists(options.Config))
        {
            return Task.FromResult<MtlsSpec?>(null);
        }

        try
        {
            return Task.FromResult(ConfigurationFiles.Load([options.Config], environment).Spec.Mtls);
        }
        catch (ResourceException e)
        {
            throw new ConfigurationException($"loading default config. couldn't find config name \"{options.Config}\": {e.Message}");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
