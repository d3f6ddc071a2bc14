namespace DaprK8s.Common.Resources.Schema;

/// <summary>A column of <c>kubectl get</c>. Read by the generator of <c>crds/</c> alone.</summary>
/// <param name="name">The heading.</param>
/// <param name="path">Where the value is.</param>
/// <param name="description">What it tells.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class PrinterColumnAttribute(string name, string path, string description) : Attribute
{
    /// <summary>The heading.</summary>
    public string Name { get; } = name;

    /// <summary>Where the value is.</summary>
    public string Path { get; } = path;

    /// <summary>What it tells.</summary>
    public string Description { get; } = description;

    /// <summary>Its type.</summary>
    public string Type { get; init; } = "string";

    /// <summary>Shown with <c>-o wide</c> only.</summary>
    public bool Wide { get; init; }

    /// <summary>Only this version has it.</summary>
    public string? Version { get; init; }
}
