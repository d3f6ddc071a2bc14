using System.Collections.Immutable;
using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>How every resource fares that this sidecar uses or tries to; for readiness, metadata, and the report to the operator.</summary>
internal sealed class ResourceStatuses(TimeProvider time)
{
    private readonly Lock gate = new();
    private volatile ImmutableSortedDictionary<(string Kind, string Name), ResourceStatus> byKey =
        ImmutableSortedDictionary<(string Kind, string Name), ResourceStatus>.Empty;

    private volatile TaskCompletionSource changed = NewSignal();

    /// <summary>Completes at the next change. Take it before <see cref="All"/>, so that no change is missed.</summary>
    public Task Changed => changed.Task;

    /// <summary>A snapshot by kind and name. A status that did not change is the same object in the next snapshot.</summary>
    public IReadOnlyDictionary<(string Kind, string Name), ResourceStatus> All => byKey;

    /// <summary>Called after each change, one call at a time.</summary>
    public Action<IReadOnlyDictionary<(string Kind, string Name), ResourceStatus>>? OnChange { get; set; }

    /// <summary>Tells how a resource fares.</summary>
    /// <param name="kind">Its kind; a resource that was read from a file may not repeat it.</param>
    /// <param name="resource">The version that it is about.</param>
    /// <param name="state">The state.</param>
    /// <param name="reason">Why it is not ready, for machines.</param>
    /// <param name="message">Why it is not ready, for people; no secrets.</param>
    /// <param name="holdsBack">Whether the sidecar can't be ready while this is so.</param>
    public void Set(string kind, Resource resource, ResourceState state, string reason = "", string message = "", bool holdsBack = false)
    {
        var key = (kind, resource.Name);
        lock (gate)
        {
            var before = byKey.GetValueOrDefault(key);
            var status = new ResourceStatus(kind, resource.Name)
            {
                Uid = resource.Metadata.Uid ?? "",
                Generation = resource.Metadata.Generation,
                State = state,
                Reason = reason,
                Message = message,
                HoldsBack = holdsBack,
                Since = before?.State == state ? before.Since : time.GetUtcNow(),
            };
            if (status != before)
            {
                Swap(byKey.SetItem(key, status));
            }
        }
    }

    /// <summary>A resource is no longer loaded.</summary>
    public void Remove(string kind, string name)
    {
        lock (gate)
        {
            if (byKey.ContainsKey((kind, name)))
            {
                Swap(byKey.Remove((kind, name)));
            }
        }
    }

    private void Swap(ImmutableSortedDictionary<(string Kind, string Name), ResourceStatus> next)
    {
        byKey = next;
        OnChange?.Invoke(next);
        Interlocked.Exchange(ref changed, NewSignal()).TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
