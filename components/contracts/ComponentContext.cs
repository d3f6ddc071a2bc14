using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components;

/// <summary>What a component instance knows of itself and of the process it lives in.</summary>
public sealed class ComponentContext
{
    /// <summary>The resource's <c>metadata.name</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The type as written in the resource, for example <c>state.redis</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The version, lower case; <c>v1</c> when the resource names none.</summary>
    public required string Version { get; init; }

    /// <summary>
    /// Resolved metadata. For pub/sub components <c>consumerID</c> is always present.
    /// </summary>
    public required ComponentMetadata Metadata { get; init; }

    /// <summary>The app this sidecar serves.</summary>
    public string AppId { get; init; } = "";

    /// <summary>The sidecar's namespace, empty when self-hosted without one.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The clock for TTLs, back-off and periodic work.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>A logger of scope <c>dapr.contrib</c>. Never log a metadata value.</summary>
    public required ILogger Logger { get; init; }

    /// <summary>The name used in log lines: <c>name (type/version)</c>.</summary>
    public string LogName => $"{Name} ({Type}/{Version})";
}
