namespace DaprK8s.Components.Metadata;

/// <summary>
/// One metadata field that a provider understands. It is declared once, in the provider's descriptor, and serves loading
/// (typed reading with defaults), validation (before a component is initialised, later also at <c>kubectl apply</c>) and
/// the generated component reference.
/// </summary>
public abstract class MetadataField
{
    private protected MetadataField(string name, string typeName, string description)
    {
        Name = name;
        TypeName = typeName;
        Description = description;
    }

    /// <summary>The documented spelling; look-up ignores case.</summary>
    public string Name { get; }

    /// <summary>A word for the type: <c>string</c>, <c>bool</c>, <c>number</c>, <c>duration</c>, <c>bytes</c>, <c>list</c>, <c>json</c>.</summary>
    public string TypeName { get; }

    /// <summary>What the field does, for the component reference and for validation messages.</summary>
    public string Description { get; }

    /// <summary>Names looked up, in this order, when <see cref="Name"/> itself is absent.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>The component does not load without it (an empty value counts as absent).</summary>
    public bool Required { get; init; }

    /// <summary>A secret: its value never appears in a log, an error or a metric.</summary>
    public bool Sensitive { get; init; }

    /// <summary>The values allowed, compared without case; empty when there is no such list.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The smallest whole number allowed; none for a field that is no whole number.</summary>
    public long? Minimum { get; init; }

    /// <summary>The largest whole number allowed; none for a field that is no whole number.</summary>
    public long? Maximum { get; init; }

    /// <summary>What a number without a unit counts in a duration; none for other fields.</summary>
    public TimeSpan? BareUnit { get; init; }

    /// <summary>Only the words of <c>true false 1 0 t f</c> are booleans; other boolean fields take every text.</summary>
    public bool IsStrict { get; init; }

    /// <summary>The default as documented, or <see langword="null"/> when there is none.</summary>
    public abstract string? DefaultText { get; }

    /// <summary>Why a text is no valid value of this field, or <see langword="null"/> when it is one.</summary>
    public abstract string? Check(string text);
}

/// <summary>A field whose text parses to <typeparamref name="T"/>. Built through <see cref="Field"/>.</summary>
public sealed class MetadataField<T> : MetadataField
{
    private readonly TryParse parse;
    private readonly string expected;

    internal MetadataField(string name, string typeName, string description, T defaultValue, string? defaultText, string expected, TryParse parse)
        : base(name, typeName, description)
    {
        Default = defaultValue;
        DefaultText = defaultText;
        this.expected = expected;
        this.parse = parse;
    }

    internal delegate bool TryParse(string text, out T value);

    /// <summary>The value when the field is absent.</summary>
    public T Default { get; }

    /// <inheritdoc/>
    public override string? DefaultText { get; }

    /// <inheritdoc/>
    public override string? Check(string text)
        => parse(text, out _) ? null : Sensitive ? $"expected {expected}" : $"expected {expected}, got \"{text}\"";

    internal T Parse(string text)
        => parse(text, out var value) ? value : throw new ComponentMetadataException(Name, Check(text)!);
}
