using System.Collections.Frozen;

namespace DaprK8s.Components;

/// <summary>The request metadata of a request that carries none.</summary>
public static class EmptyMetadata
{
    /// <summary>The one instance.</summary>
    public static IReadOnlyDictionary<string, string> Instance { get; } = FrozenDictionary<string, string>.Empty;
}
