using System.Text.Json.Serialization.Metadata;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>How a resource fares in the sidecars that use it. Written by the operator, from what the sidecars report.</summary>
public sealed class ResourceStatus
{
    /// <summary>Reads and writes a status.</summary>
    public static JsonTypeInfo<ResourceStatus> Json => ResourceJson.Default.ResourceStatus;

    /// <summary>The metadata.generation that this status speaks of. When it is smaller than the object's, the status is not up to date yet.</summary>
    [Schema(Format = "int64", Minimum = 0)]
    public long? ObservedGeneration { get; set; }

    /// <summary>
    /// The state in standard conditions. <c>Ready</c> is True when every sidecar that uses the resource has it in use, False when
    /// one of them failed (reason and message tell of the first), Unknown when none has reported.
    /// </summary>
    [Schema(ListType = "map", ListMapKey = "type")]
    public List<StatusCondition>? Conditions { get; set; }

    /// <summary>How many apps use the resource, and where it fails.</summary>
    public AppsStatus? Apps { get; set; }
}
