namespace DaprK8s.Components.Rego;

/// <summary>Something that stands for a value; the syntax tree's expressions below the level of statements.</summary>
/// <param name="location">Where it starts.</param>
internal abstract class Term(Location location)
{
    /// <summary>Where it starts.</summary>
    public Location Location { get; } = location;
}

/// <summary>A value written out.</summary>
internal sealed class ScalarTerm(Location location, RegoValue value) : Term(location)
{
    /// <summary>The value.</summary>
    public RegoValue Value { get; } = value;
}

/// <summary>A variable. A <c>_</c> has a name of its own at each place; names that start with <c>$</c> stand for those.</summary>
internal sealed class VarTerm(Location location, string name) : Term(location)
{
    /// <summary>The name, unique within its rule once names are resolved.</summary>
    public string Name { get; } = name;

    /// <summary>Whether it was written as <c>_</c>.</summary>
    public bool IsWildcard => Name[0] == '$';

    /// <summary>The name as it was written.</summary>
    public string Written => IsWildcard ? "_" : Name.IndexOf('#', StringComparison.Ordinal) is > 0 and var end ? Name[..end] : Name;
}

/// <summary>A look-up in a value: <c>head.part["part"][variable]</c>.</summary>
internal sealed class RefTerm(Location location, Term head, Term[] parts) : Term(location)
{
    /// <summary>What is looked into.</summary>
    public Term Head { get; } = head;

    /// <summary>The keys.</summary>
    public Term[] Parts { get; } = parts;
}

/// <summary>The documents that each policy knows.</summary>
internal enum RootDocument
{
    /// <summary>What is asked about.</summary>
    Input,

    /// <summary>All rules, and data that was given along with them.</summary>
    Data,
}

/// <summary><c>input</c> or <c>data</c>.</summary>
internal sealed class RootTerm(Location location, RootDocument root) : Term(location)
{
    /// <summary>Which one.</summary>
    public RootDocument Root { get; } = root;
}

/// <summary>A list.</summary>
internal sealed class ArrayTerm(Location location, Term[] items) : Term(location)
{
    /// <summary>The elements.</summary>
    public Term[] Items { get; } = items;
}

/// <summary>A set.</summary>
internal sealed class SetTerm(Location location, Term[] items) : Term(location)
{
    /// <summary>The elements.</summary>
    public Term[] Items { get; } = items;
}

/// <summary>An object.</summary>
internal sealed class ObjectTerm(Location location, KeyValuePair<Term, Term>[] pairs) : Term(location)
{
    /// <summary>Keys with their values.</summary>
    public KeyValuePair<Term, Term>[] Pairs { get; } = pairs;
}

/// <summary>A collection of everything for which a body holds.</summary>
internal sealed class ComprehensionTerm(Location location, RegoKind kind, Term? key, Term value, Statement[] body) : Term(location)
{
    /// <summary>Array, set or object.</summary>
    public RegoKind Kind { get; } = kind;

    /// <summary>The key, for an object.</summary>
    public Term? Key { get; } = key;

    /// <summary>The element, or the value of the key.</summary>
    public Term Value { get; } = value;

    /// <summary>The condition.</summary>
    public Statement[] Body { get; } = body;
}

/// <summary>A call of a built-in function (operators are such calls too) or of one that the policy defines.</summary>
internal sealed class CallTerm(Location location, string[] function, Term[] arguments) : Term(location)
{
    /// <summary>The name's parts; of a function in the policy the first one is <c>data</c> once names are resolved.</summary>
    public string[] Function { get; } = function;

    /// <summary>The arguments.</summary>
    public Term[] Arguments { get; } = arguments;

    /// <summary>The name as written.</summary>
    public string Name => string.Join('.', Function);
}
