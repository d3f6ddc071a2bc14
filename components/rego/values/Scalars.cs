namespace DaprK8s.Components.Rego;

/// <summary>The null of JSON, which is a value and not the same as undefined.</summary>
internal sealed class RegoNull : RegoValue
{
    /// <summary>The only one.</summary>
    public static readonly RegoNull Instance = new();

    private RegoNull()
    {
    }

    public override RegoKind Kind => RegoKind.Null;

    protected override int CompareSameKind(RegoValue other) => 0;
}

/// <summary>True or false.</summary>
internal sealed class RegoBoolean : RegoValue
{
    /// <summary>True.</summary>
    public static readonly RegoBoolean True = new(true);

    /// <summary>False.</summary>
    public static readonly RegoBoolean False = new(false);

    private RegoBoolean(bool value) => Value = value;

    /// <summary>The value.</summary>
    public bool Value { get; }

    public override RegoKind Kind => RegoKind.Boolean;

    /// <summary>The one or the other.</summary>
    public static RegoBoolean Of(bool value) => value ? True : False;

    protected override int CompareSameKind(RegoValue other) => Value.CompareTo(((RegoBoolean)other).Value);
}

/// <summary>A text.</summary>
internal sealed class RegoString(string value) : RegoValue
{
    /// <summary>Nothing in it.</summary>
    public static readonly RegoString Empty = new("");

    /// <summary>The text.</summary>
    public string Value { get; } = value;

    public override RegoKind Kind => RegoKind.String;

    /// <summary>The order of the reference: by code point, which UTF-16's own order is not for characters beyond U+FFFF.</summary>
    public static int CompareTexts(string a, string b)
    {
        var shared = Math.Min(a.Length, b.Length);
        var at = a.AsSpan(0, shared).CommonPrefixLength(b.AsSpan(0, shared));
        if (at == shared)
        {
            return a.Length.CompareTo(b.Length);
        }

        char x = a[at], y = b[at];
        return char.IsSurrogate(x) == char.IsSurrogate(y) ? x.CompareTo(y) : char.IsSurrogate(x) ? 1 : -1;
    }

    protected override int CompareSameKind(RegoValue other) => CompareTexts(Value, ((RegoString)other).Value);

    protected override bool SameAs(RegoValue other) => string.Equals(Value, ((RegoString)other).Value, StringComparison.Ordinal);
}
