namespace DaprK8s.Operator.Validation;

/// <summary>A component type in one version.</summary>
internal sealed class CatalogueEntry
{
    /// <summary>Its names, the usual one first.</summary>
    public string[] Types { get; set; } = [];

    /// <summary>The version.</summary>
    public string Version { get; set; } = "";

    /// <summary>Its metadata fields; <see langword="null"/> for a type that Dapr has and sidecars of this version have not.</summary>
    public CatalogueField[]? Fields { get; set; }
}
