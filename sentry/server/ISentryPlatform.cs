using DaprK8s.Common.Resources;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Store;
using DaprK8s.Sentry.Validators;

namespace DaprK8s.Sentry.Server;

/// <summary>What sentry runs on: Kubernetes, or a machine of its own.</summary>
internal interface ISentryPlatform : IAsyncDisposable
{
    /// <summary>Where the bundle lives.</summary>
    ICaStore Store { get; }

    /// <summary>The platform's own validator; <see langword="null"/> when it has none.</summary>
    IRequestValidator? Validator { get; }

    /// <summary>Where events are reported besides the log.</summary>
    ICaEvents Events { get; }

    /// <summary>Reads the Configuration's <c>mtls</c> block.</summary>
    /// <exception cref="ConfigurationException">There is no such Configuration, or it is malformed.</exception>
    Task<MtlsSpec?> LoadConfigurationAsync(CancellationToken cancellationToken);
}
