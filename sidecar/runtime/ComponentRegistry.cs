using System.Collections.Frozen;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The configured components by name: an immutable snapshot that readers take without a lock and that <see cref="ComponentLoader"/>
/// replaces as a whole.
/// </summary>
internal sealed class ComponentRegistry
{
    private volatile FrozenDictionary<string, ComponentHandle> byName = FrozenDictionary<string, ComponentHandle>.Empty;

    private volatile TaskCompletionSource changed = NewSignal();

    /// <summary>Completes when the components are replaced next. Take it before looking one up, so that no change is missed.</summary>
    public Task Changed => changed.Task;

    /// <summary>Every configured component, in load order.</summary>
    public IReadOnlyList<ComponentHandle> All { get; private set; } = [];

    /// <summary>Finds a component of one kind, or nothing.</summary>
    public ComponentHandle? Find(ComponentKind kind, string name)
        => byName.TryGetValue(name, out var handle) && handle.Kind == kind ? handle : null;

    /// <summary>Whether any component of a kind is configured.</summary>
    public bool HasAny(ComponentKind kind)
    {
        foreach (var handle in All)
        {
            if (handle.Kind == kind)
            {
                return true;
            }
        }

        return false;
    }

    public void Replace(IReadOnlyList<ComponentHandle> handles)
    {
        All = handles;
        byName = handles.ToFrozenDictionary(h => h.Name, StringComparer.Ordinal);
        Interlocked.Exchange(ref changed, NewSignal()).TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
