namespace DaprK8s.Common.Resources.Schema;

/// <summary>A kind that has a custom resource definition (contract: k8s 1.1). Read by the generator of <c>crds/</c> alone.</summary>
/// <param name="kind">The kind.</param>
/// <param name="plural">The name in paths.</param>
/// <param name="shortName">What <c>kubectl get</c> takes for it.</param>
/// <param name="file">The file of the definition, without ending; clients fetch it under this name.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class CustomResourceAttribute(string kind, string plural, string shortName, string file) : Attribute
{
    /// <summary>The kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>The name in paths.</summary>
    public string Plural { get; } = plural;

    /// <summary>What <c>kubectl get</c> takes for it.</summary>
    public string ShortName { get; } = shortName;

    /// <summary>The file of the definition, without ending.</summary>
    public string File { get; } = file;

    /// <summary>The versions served, the last one stored.</summary>
    public string[] Versions { get; init; } = ["v1alpha1"];

    /// <summary>Whether its objects name the apps that they are for.</summary>
    public bool HasScopes { get; init; } = true;
}
