namespace DaprK8s.Common.Resources.Schema;

/// <summary>
/// What the schema of a custom resource says of a field beyond its name, its type and its description (the property's
/// <c>summary</c>). Read by the generator of <c>crds/</c> alone; a native build leaves these attributes out.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class)]
public sealed class SchemaAttribute : Attribute
{
    /// <summary>The field is listed in its parent's <c>required</c>.</summary>
    public bool Required { get; init; }

    /// <summary>The field is no part of the schema, though files may have it.</summary>
    public bool Absent { get; init; }

    /// <summary>Only this version of the resource has the field.</summary>
    public string? Version { get; init; }

    /// <summary>Any JSON value is allowed: no type, nothing pruned.</summary>
    public bool Any { get; init; }

    /// <summary>An object of any shape: nothing in it is pruned.</summary>
    public bool PreserveUnknownFields { get; init; }

    /// <summary>The type of an array's items, where the property keeps them as JSON.</summary>
    public Type? Items { get; init; }

    /// <summary>The values allowed; of an array, those of its items.</summary>
    public string[]? Enum { get; init; }

    /// <summary>The default, as JSON.</summary>
    public string? Default { get; init; }

    /// <summary>The format, such as <c>int32</c>.</summary>
    public string? Format { get; init; }

    /// <summary>A regular expression that the text matches.</summary>
    public string? Pattern { get; init; }

    /// <summary>The smallest number; none when negative.</summary>
    public int Minimum { get; init; } = -1;

    /// <summary>The fewest characters; none when negative.</summary>
    public int MinLength { get; init; } = -1;

    /// <summary>The most characters; none when negative.</summary>
    public int MaxLength { get; init; } = -1;

    /// <summary>The fewest items; none when negative.</summary>
    public int MinItems { get; init; } = -1;

    /// <summary>The most items; none when negative.</summary>
    public int MaxItems { get; init; } = -1;

    /// <summary><c>set</c> or <c>map</c>: how the items of a list are told apart when it is merged.</summary>
    public string? ListType { get; init; }

    /// <summary>The key of a list of type <c>map</c>.</summary>
    public string? ListMapKey { get; init; }

    /// <summary>On a class: a CEL rule over each object of it.</summary>
    public string? Rule { get; init; }

    /// <summary>What the API server answers when <see cref="Rule"/> is false.</summary>
    public string? RuleMessage { get; init; }
}
