using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Reload;

/// <summary>Where the sidecar's resources come from: files, or the operator.</summary>
internal interface IResourceSource
{
    /// <summary>Reads everything, once, before the sidecar is composed.</summary>
    /// <exception cref="ResourceException">What there is can't be started with; the process ends with the message.</exception>
    Task<LoadedResources> LoadAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Tells what changes after <see cref="LoadAsync"/> until the token ends, changes in between included. Called only with hot
    /// reload on. Broken connections, unreadable files and the like are the source's own affair: it logs them and goes on.
    /// </summary>
    /// <exception cref="ResourceException">The resources contradict each other so that the contract ends the process.</exception>
    IAsyncEnumerable<SourceEvent> WatchAsync(CancellationToken cancellationToken);
}
