namespace DaprK8s.Components;

/// <summary>Settings of apps that may change while they run (contract: components 7.1).</summary>
public interface IConfigurationStore : IComponent
{
    /// <summary>Reads items.</summary>
    /// <param name="keys">Which; none for all. Those that are not there are left out of the answer.</param>
    /// <param name="metadata">The request's metadata.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> GetAsync(
        IReadOnlyList<string> keys, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken);

    /// <summary>
    /// Follows items. A store may tell their present state first. Updates are told one after the other; while one is being taken, what
    /// changes meanwhile may be told in one.
    /// </summary>
    /// <param name="keys">Which; none for all.</param>
    /// <param name="metadata">The request's metadata.</param>
    /// <param name="onUpdate">Told the changed items; a deleted one has no value and no version. Does not throw.</param>
    /// <param name="cancellationToken">Gives up beginning; no longer of effect once this has returned.</param>
    /// <returns>Ends it; returns when nothing is told any more.</returns>
    ValueTask<IAsyncDisposable> SubscribeAsync(
        IReadOnlyList<string> keys,
        IReadOnlyDictionary<string, string> metadata,
        Func<IReadOnlyDictionary<string, ConfigurationItem>, CancellationToken, ValueTask> onUpdate,
        CancellationToken cancellationToken);
}
