using System.Diagnostics.CodeAnalysis;

namespace DaprK8s.Components.Metadata;

/// <summary>
/// The resolved metadata of one component: names without regard to case, secrets and environment references filled in,
/// templates replaced. Immutable.
/// </summary>
public sealed class ComponentMetadata
{
    private readonly Dictionary<string, string> items;

    /// <summary>Collects the items.</summary>
    /// <exception cref="ComponentMetadataException">Two names are equal but for their case.</exception>
    public ComponentMetadata(IEnumerable<KeyValuePair<string, string>> items)
    {
        this.items = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in items)
        {
            if (!this.items.TryAdd(name, value))
            {
                throw new ComponentMetadataException(name, $"key {name} is duplicate in the metadata");
            }
        }
    }

    /// <summary>Every item, for providers that hand unknown settings on.</summary>
    public IReadOnlyDictionary<string, string> Items => items;

    /// <summary>The typed value of a field, its default when absent.</summary>
    /// <exception cref="ComponentMetadataException">The text is no valid value.</exception>
    public T Get<T>(MetadataField<T> field)
        => TryFind(field, out var text) ? field.Parse(text) : field.Default;

    /// <summary>Whether the field, or one of its aliases, is present (an empty text is present).</summary>
    public bool Has(MetadataField field) => TryFind(field, out _);

    /// <summary>
    /// Checks all items against the declared fields.
    /// </summary>
    /// <returns>One sentence for each missing or ill-typed field, empty when all is well.</returns>
    public IReadOnlyList<ComponentMetadataException> Validate(IEnumerable<MetadataField> fields)
    {
        List<ComponentMetadataException> problems = [];
        foreach (var field in fields)
        {
            if (!TryFind(field, out var text) || text.Length == 0)
            {
                if (field.Required)
                {
                    problems.Add(new ComponentMetadataException(field.Name, $"is required but missing ({field.Description})"));
                }
            }
            else if (field.Check(text) is { } problem)
            {
                problems.Add(new ComponentMetadataException(field.Name, problem));
            }
        }

        return problems;
    }

    private bool TryFind(MetadataField field, [NotNullWhen(true)] out string? text)
    {
        if (items.TryGetValue(field.Name, out text))
        {
            return true;
        }

        foreach (var alias in field.Aliases)
        {
            if (items.TryGetValue(alias, out text))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A metadata field of a component is missing, ill-typed or in conflict with another.</summary>
public sealed class ComponentMetadataException(string field, string problem) : Exception($"metadata field \"{field}\": {problem}")
{
    /// <summary>The field's name.</summary>
    public string Field { get; } = field;
}
