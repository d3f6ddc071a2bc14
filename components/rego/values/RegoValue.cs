using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>The types of Rego, in their order.</summary>
internal enum RegoKind
{
    /// <summary>Nothing.</summary>
    Null,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>A number of any size.</summary>
    Number,

    /// <summary>A text.</summary>
    String,

    /// <summary>A list.</summary>
    Array,

    /// <summary>Keys (of any type) with values.</summary>
    Object,

    /// <summary>Distinct values.</summary>
    Set,
}

/// <summary>
/// A value of the language; immutable. What is undefined is no value and is shown as a null reference. All values are in one total
/// order, across types too: objects and sets are kept in it, so equal values have equal layouts.
/// </summary>
internal abstract class RegoValue
{
    /// <summary>The type.</summary>
    public abstract RegoKind Kind { get; }

    /// <summary>The type's name, as <c>type_name</c> tells it.</summary>
    public string KindName => Kind switch
    {
        RegoKind.Null => "null",
        RegoKind.Boolean => "boolean",
        RegoKind.Number => "number",
        RegoKind.String => "string",
        RegoKind.Array => "array",
        RegoKind.Object => "object",
        _ => "set",
    };

    /// <summary>The total order.</summary>
    public static int Compare(RegoValue a, RegoValue b)
        => ReferenceEquals(a, b) ? 0 : a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind) : a.CompareSameKind(b);

    /// <summary>Whether two values are one.</summary>
    public static bool Same(RegoValue a, RegoValue b)
        => ReferenceEquals(a, b) || (a.Kind == b.Kind && a.SameAs(b));

    /// <summary>The element of a collection; <see langword="null"/> when there is none or the value is no collection.</summary>
    public virtual RegoValue? Get(RegoValue key) => null;

    /// <summary>How many elements a collection has.</summary>
    public virtual int Count => 0;

    /// <summary>The text as it would stand in a policy.</summary>
    public override string ToString() => RegoText.Of(this);

    /// <summary>The order among values of one kind.</summary>
    protected abstract int CompareSameKind(RegoValue other);

    /// <summary>Equality among values of one kind.</summary>
    protected virtual bool SameAs(RegoValue other) => CompareSameKind(other) == 0;

    /// <summary>The order of two lists: by element, then by length.</summary>
    protected static int CompareLists(RegoValue[] a, RegoValue[] b)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var shared = Math.Min(a.Length, b.Length);
        for (var i = 0; i < shared; i++)
        {
            var order = Compare(a[i], b[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return a.Length.CompareTo(b.Length);
    }

    /// <summary>Equality of two lists.</summary>
    protected static bool SameLists(RegoValue[] a, RegoValue[] b)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (a.Length != b.Length)
        {
            return false;
        }

        for (var i = 0; i < a.Length; i++)
        {
            if (!Same(a[i], b[i]))
            {
                return false;
            }
        }

        return true;
    }
}
