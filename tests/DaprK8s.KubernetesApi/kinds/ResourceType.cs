using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Kinds;

/// <summary>A kind of object that the API server serves, in one version.</summary>
/// <param name="Group">The API group; empty for the core.</param>
/// <param name="Version">The version.</param>
/// <param name="Plural">The name in paths.</param>
/// <param name="Kind">The name in objects.</param>
/// <param name="Namespaced">Objects live in a namespace.</param>
/// <param name="HasStatus">The status is written through a subresource of its own, and only there.</param>
/// <param name="UpdatesNeedVersion">An update without <c>resourceVersion</c> is refused, as for custom resources.</param>
public sealed record ResourceType(
    string Group, string Version, string Plural, string Kind, bool Namespaced = true, bool HasStatus = false, bool UpdatesNeedVersion = false)
{
    /// <summary><c>v1</c> or <c>dapr.io/v1alpha1</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The name that rules and error texts use: <c>pods</c>, <c>configurations.dapr.io</c>.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The name of one.</summary>
    public string Singular { get; init; } = Kind.ToLowerInvariant();

    /// <summary>The kind of a list.</summary>
    public string ListKind { get; init; } = Kind + "List";

    /// <summary>Other names for <c>kubectl</c>.</summary>
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>Groups of kinds that <c>kubectl get</c> knows it by.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Subresources beside <c>status</c> and <c>scale</c>.</summary>
    public IReadOnlyList<string> Subresources { get; init; } = [];

    /// <summary>Where the scale of an object is; nothing when it has none.</summary>
    public ScalePaths? Scale { get; init; }

    /// <summary>It was defined by a CustomResourceDefinition, or served as if it had been.</summary>
    public bool IsCustom => UpdatesNeedVersion;

    /// <summary>What an object looks like; nothing when anything goes.</summary>
    internal Schema? Schema { get; init; }

    /// <summary>The schema as the CustomResourceDefinition has it.</summary>
    internal JsonObject? SchemaSource { get; init; }

    /// <summary>The columns of a custom resource.</summary>
    internal IReadOnlyList<PrinterColumn>? Columns { get; init; }

    /// <summary>Objects are stored in this version.</summary>
    internal bool IsStored { get; init; } = true;

    /// <summary>How other versions come to be; nothing when only <c>apiVersion</c> changes.</summary>
    internal JsonObject? Conversion { get; init; }

    /// <summary>What a client is told that uses this version.</summary>
    internal string? DeprecationWarning { get; init; }

    /// <summary>The kind whose objects these are too, as those of <c>events.k8s.io</c> are the core's.</summary>
    internal string? SharesStorageOf { get; init; }

    /// <summary>Where objects are kept.</summary>
    internal string StorageName => SharesStorageOf ?? QualifiedName;
}

/// <summary>The JSON paths of the scale subresource.</summary>
/// <param name="Replicas">What is wanted, in the spec.</param>
/// <param name="StatusReplicas">What there is, in the status.</param>
/// <param name="Selector">The label selector, in the spec (an object) or the status (a string).</param>
public sealed record ScalePaths(string Replicas, string StatusReplicas, string? Selector);

/// <summary>A column of <c>kubectl get</c>.</summary>
internal sealed record PrinterColumn(string Name, string Type, string? Format, string Description, int Priority, string JsonPath);
