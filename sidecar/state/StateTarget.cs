using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.State;

/// <summary>
/// The store that one request goes to; taken once, so that a hot reload in between does not split the request. The store stays open
/// until this is disposed, once.
/// </summary>
internal readonly struct StateTarget(ComponentUse<IStateStore> use, KeyPrefix prefix) : IDisposable
{
    public ComponentHandle Component => use.Component;

    public IStateStore Store => use.Instance;

    public KeyPrefix Prefix => prefix;

    public string Name => Component.Name;

    public void Dispose() => use.Dispose();
}
