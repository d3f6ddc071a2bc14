using DaprK8s.Components;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// A component's instance in use: it is not closed before this is disposed, even when another one takes its place meanwhile. Dispose
/// it exactly once.
/// </summary>
internal readonly struct ComponentUse<T> : IDisposable
    where T : class, IComponent
{
    private readonly WorkGate gate;

    public ComponentUse(ComponentHandle component, T instance, WorkGate gate)
    {
        Component = component;
        Instance = instance;
        this.gate = gate;
    }

    /// <summary>The handle that the instance is of: the one asked, or the one that has taken its place.</summary>
    public ComponentHandle Component { get; }

    public T Instance { get; }

    public void Dispose() => gate.Exit();
}
