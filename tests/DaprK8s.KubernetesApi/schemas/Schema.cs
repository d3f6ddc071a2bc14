using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Schemas;

/// <summary>
/// What a value looks like: a structural schema of a CustomResourceDefinition or the model of a built-in kind. It may refer to
/// itself, so it is filled after it is made.
/// </summary>
internal sealed class Schema
{
    /// <summary>The name among the components of an OpenAPI document; nothing for one that is written where it is used.</summary>
    public string? Name { get; init; }

    /// <summary><c>object</c>, <c>array</c>, <c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c>, or nothing.</summary>
    public string? Type { get; set; }

    public string? Format { get; set; }

    public string? Description { get; set; }

    public Dictionary<string, Schema> Properties { get; } = [];

    public Schema? Items { get; set; }

    /// <summary>The values of a map.</summary>
    public Schema? Values { get; set; }

    public IReadOnlyList<string> Required { get; set; } = [];

    public JsonArray? Enum { get; set; }

    public JsonNode? Default { get; set; }

    public bool HasDefault { get; set; }

    public bool Nullable { get; set; }

    public bool IntOrString { get; set; }

    /// <summary>A quantity: a number or a string that stands for one.</summary>
    public bool Quantity { get; set; }

    public bool PreservesUnknown { get; set; }

    public bool EmbeddedResource { get; set; }

    public long? MinLength { get; set; }

    public long? MaxLength { get; set; }

    public long? MinItems { get; set; }

    public long? MaxItems { get; set; }

    public long? MinProperties { get; set; }

    public long? MaxProperties { get; set; }

    public bool UniqueItems { get; set; }

    public string? Pattern { get; set; }

    public double? Minimum { get; set; }

    public double? Maximum { get; set; }

    public bool ExclusiveMinimum { get; set; }

    public bool ExclusiveMaximum { get; set; }

    public double? MultipleOf { get; set; }

    public IReadOnlyList<Schema> AllOf { get; set; } = [];

    public IReadOnlyList<Schema> AnyOf { get; set; } = [];

    public IReadOnlyList<Schema> OneOf { get; set; } = [];

    public Schema? Not { get; set; }

    public IReadOnlyList<ValidationRule> Validations { get; set; } = [];

    /// <summary>The fields that make an item of a list the same item.</summary>
    public IReadOnlyList<string> MapKeys { get; set; } = [];

    /// <summary>A list without order and without doubles.</summary>
    public bool IsSet { get; set; }

    /// <summary>An object that has one owner as a whole.</summary>
    public bool IsAtomic { get; set; }

    /// <summary>The field by which a strategic merge patch finds an item.</summary>
    public string? PatchMergeKey { get; set; }

    /// <summary>A strategic merge patch removes what it does not name in <c>$retainKeys</c>.</summary>
    public bool RetainsKeys { get; set; }

    /// <summary>Fields that it does not have are removed, or refused.</summary>
    public bool IsClosed => Type == "object" && Values is null && !PreservesUnknown;

    public Schema? Of(string property) => Properties.GetValueOrDefault(property) ?? Values;
}

/// <summary>A rule of <c>x-kubernetes-validations</c>.</summary>
internal sealed record ValidationRule(string Rule, string? Message, string? MessageExpression, string? Reason, string? FieldPath);
