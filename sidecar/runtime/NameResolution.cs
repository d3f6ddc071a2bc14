using DaprK8s.Components;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>The resolver in use; <see langword="null"/> until it has initialised, or when it never did.</summary>
internal sealed class NameResolution
{
    private volatile INameResolver? current;

    public INameResolver? Current
    {
        get => current;
        set => current = value;
    }

    /// <summary>The port assumed where a resolver knows only hosts.</summary>
    public int InternalPort { get; set; }
}
