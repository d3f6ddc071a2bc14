using DaprK8s.Components;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>What all component supervisors share.</summary>
/// <param name="Starter">Brings instances up.</param>
/// <param name="Registry">Where requests find components.</param>
/// <param name="Statuses">Told how each fares.</param>
/// <param name="Metrics">Counts.</param>
/// <param name="OnFatal">Ends the process, when a component that must be there can't be; <see langword="null"/> when the sidecar stays up instead.</param>
/// <param name="Logger">The log.</param>
/// <param name="Time">The clock.</param>
internal sealed record SupervisorServices(
    ComponentStarter Starter,
    ComponentRegistry Registry,
    ResourceStatuses Statuses,
    LoaderMetrics Metrics,
    Action<string>? OnFatal,
    ILogger Logger,
    TimeProvider Time)
{
    /// <summary>Told that another instance has taken over under a name.</summary>
    public Action<ComponentHandle>? OnReplaced { get; set; }

    /// <summary>Closes an instance once its calls have ended.</summary>
    public Action<ComponentHandle, IComponent>? CloseLater { get; set; }
}
