using DaprK8s.Components;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>The resolver in use; <see langword="null"/> when it has not initialised.</summary>
internal sealed class NameResolution
{
    private readonly TaskCompletionSource tried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile INameResolver? current;

    public INameResolver? Current
    {
        get => current;
        set => current = value;
    }

    /// <summary>Completes once the first initialisation has succeeded or failed; calls that come before it wait for it.</summary>
    public Task Tried => tried.Task;

    /// <summary>The port assumed where a resolver knows only hosts.</summary>
    public int InternalPort { get; set; }

    public void MarkTried() => tried.TrySetResult();
}
