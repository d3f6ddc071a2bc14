using System.Runtime.CompilerServices;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Tests;

/// <summary>A store that several sentries share, with a public copy as Kubernetes has one; versions are checked as there.</summary>
internal sealed class MemoryStore(StoredBundle? initial = null, bool hasPublicCopy = false) : ICaStore
{
    private readonly Lock gate = new();
    private StoredBundle? held = initial is null ? null : initial with { Version = "1" };
    private int version = 1;

    /// <summary>Writes so far.</summary>
    public int Writes { get; private set; }

    /// <summary>Called before each write, to let somebody else be faster.</summary>
    public Action? BeforeSave { get; set; }

    public StoredBundle? Held => held;

    public Task<StoredBundle?> LoadAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            return Task.FromResult(held);
        }
    }

    public Task SaveAsync(StoredBundle bundle, StoredBundle? replaces, CancellationToken cancellationToken)
    {
        BeforeSave?.Invoke();
        lock (gate)
        {
            if (held?.Version != replaces?.Version)
            {
                throw new StoreConflictException("somebody else wrote");
            }

            version++;
            Writes++;
            held = new StoredBundle(
                new Dictionary<string, ReadOnlyMemory<byte>>(bundle.Items),
                hasPublicCopy ? bundle.Items.Where(i => i.Key is BundleItems.TrustAnchors or BundleItems.Jwks).ToDictionary() : null,
                $"{version}");
            return Task.CompletedTask;
        }
    }

    public async IAsyncEnumerable<bool> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        yield break;
    }
}
