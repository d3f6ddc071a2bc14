using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.State;

/// <summary>The store that one request goes to; taken once, so that a hot reload in between does not split the request.</summary>
internal readonly record struct StateTarget(ComponentHandle Component, IStateStore Store, KeyPrefix Prefix)
{
    public string Name => Component.Name;
}
