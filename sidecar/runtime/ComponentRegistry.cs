using System.Collections.Frozen;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The configured components by name: an immutable snapshot that readers take without a lock and that <see cref="ComponentLoader"/>
/// replaces as a whole.
/// </summary>
internal sealed class ComponentRegistry
{
    private readonly Lock gate = new();
    private volatile FrozenDictionary<string, ComponentHandle> byName = FrozenDictionary<string, ComponentHandle>.Empty;
    private volatile IReadOnlyList<ComponentHandle> all = [];
    private volatile TaskCompletionSource changed = NewSignal();

    /// <summary>Completes when the components are replaced next. Take it before looking one up, so that no change is missed.</summary>
    public Task Changed => changed.Task;

    /// <summary>Every configured component, in load order.</summary>
    public IReadOnlyList<ComponentHandle> All => all;

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
        lock (gate)
        {
            Swap(handles);
        }
    }

    /// <summary>Puts a component in the place of the one of its name, or at the end.</summary>
    public void Put(ComponentHandle handle)
    {
        lock (gate)
        {
            Swap(byName.ContainsKey(handle.Name) ? [.. all.Select(h => h.Name == handle.Name ? handle : h)] : [.. all, handle]);
        }
    }

    /// <summary>Takes a component out.</summary>
    public void Remove(ComponentHandle handle)
    {
        lock (gate)
        {
            Swap([.. all.Where(h => h != handle)]);
        }
    }

    private void Swap(IReadOnlyList<ComponentHandle> handles)
    {
        byName = handles.ToFrozenDictionary(h => h.Name, StringComparer.Ordinal);
        all = handles;
        Interlocked.Exchange(ref changed, NewSignal()).TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
