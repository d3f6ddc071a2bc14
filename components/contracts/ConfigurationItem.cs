namespace DaprK8s.Components;

/// <summary>A setting of a configuration store.</summary>
/// <param name="Value">The value.</param>
/// <param name="Version">Which state of it this is, in the store's own words; empty when it has none.</param>
public sealed record ConfigurationItem(string Value, string Version)
{
    /// <summary>What else the store says of it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;
}
