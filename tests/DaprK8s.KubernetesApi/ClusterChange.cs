using System.Text.Json;

namespace DaprK8s.KubernetesApi;

/// <summary>What happened to an object.</summary>
public enum ChangeKind
{
    /// <summary>It is new, or was there when the watch began.</summary>
    Added,

    /// <summary>It has changed.</summary>
    Modified,

    /// <summary>It is gone.</summary>
    Deleted,
}

/// <summary>A change of an object.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Namespace">Its namespace; empty for kinds without.</param>
/// <param name="Name">Its name.</param>
/// <param name="Object">It after the change; its last state when it is gone.</param>
public sealed record ClusterChange(ChangeKind Kind, string Namespace, string Name, JsonElement Object);
