namespace DaprK8s.Sentry.Store;

/// <summary>
/// Where the bundle lives: files, or the Secret and ConfigMap of Kubernetes (contract: security 1.11). A store moves bytes; what they
/// mean, whether they agree and what to do about it is decided above it.
/// </summary>
internal interface ICaStore
{
    /// <summary>What is stored now. An item that is absent or empty is left out.</summary>
    /// <returns><see langword="null"/> when none of the items is there; a Secret or directory that can't be read is an exception.</returns>
    Task<StoredBundle?> LoadAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Writes what the bundle differs in from what <paramref name="replaces"/> was loaded as; items that it lacks are removed, entries
    /// of the Secret that are none of <see cref="BundleItems"/> are left alone. The public copy (ConfigMap) is written from the
    /// bundle's <see cref="BundleItems.TrustAnchors"/> and <see cref="BundleItems.Jwks"/>.
    /// </summary>
    /// <remarks>
    /// A crash half-way must leave the public copy with no anchor that the Secret lacks: the Secret is written first when anchors are
    /// added and the ConfigMap first when they are removed.
    /// </remarks>
    /// <param name="bundle">What is to be stored; its version and public copy don't matter.</param>
    /// <param name="replaces">What was loaded before; <see langword="null"/> when nothing was there.</param>
    /// <exception cref="StoreConflictException">Somebody else wrote since; load again and decide anew.</exception>
    Task SaveAsync(StoredBundle bundle, StoredBundle? replaces, CancellationToken cancellationToken);

    /// <summary>
    /// Yields once after each change from outside or by this process, once changes have calmed down for two seconds. Never ends before
    /// cancellation: it survives a lost connection or directory, and then yields because something may have been missed.
    /// </summary>
    IAsyncEnumerable<bool> WatchAsync(CancellationToken cancellationToken);
}

/// <summary>Somebody else wrote to the store between load and save.</summary>
internal sealed class StoreConflictException(string message, Exception? inner = null) : Exception(message, inner);
