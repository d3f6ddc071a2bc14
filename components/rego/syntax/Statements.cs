namespace DaprK8s.Components.Rego;

/// <summary>Puts another value in the place of a document while one statement is evaluated.</summary>
/// <param name="Target">The place, within <c>input</c> or <c>data</c>.</param>
/// <param name="Value">What stands there meanwhile.</param>
internal sealed record Modifier(Term Target, Term Value);

/// <summary>One condition of a body.</summary>
/// <param name="location">Where it starts.</param>
internal abstract class Statement(Location location)
{
    /// <summary>Where it starts.</summary>
    public Location Location { get; } = location;

    /// <summary>Whether it must not hold.</summary>
    public bool Negated { get; init; }

    /// <summary>The documents that are different for it.</summary>
    public Modifier[] With { get; init; } = [];
}

/// <summary>A term that must be neither false nor undefined.</summary>
internal sealed class TermStatement(Location location, Term term) : Statement(location)
{
    /// <summary>The term.</summary>
    public Term Term { get; } = term;
}

/// <summary><c>left = right</c> or <c>left := right</c>: gives variables the values that make both sides one.</summary>
internal sealed class UnifyStatement(Location location, Term left, Term right, bool declares) : Statement(location)
{
    /// <summary>The left side.</summary>
    public Term Left { get; } = left;

    /// <summary>The right side.</summary>
    public Term Right { get; } = right;

    /// <summary>Whether the variables at the left are new ones (<c>:=</c>).</summary>
    public bool Declares { get; } = declares;
}

/// <summary><c>some x, y</c>: these are new variables.</summary>
internal sealed class SomeStatement(Location location, string[] names) : Statement(location)
{
    /// <summary>The names.</summary>
    public string[] Names { get; } = names;
}

/// <summary><c>some key, value in collection</c>: walks through a collection.</summary>
internal sealed class SomeInStatement(Location location, Term? key, Term value, Term collection) : Statement(location)
{
    /// <summary>The pattern of the key.</summary>
    public Term? Key { get; } = key;

    /// <summary>The pattern of the element.</summary>
    public Term Value { get; } = value;

    /// <summary>What is walked through.</summary>
    public Term Collection { get; } = collection;
}

/// <summary><c>every key, value in domain { body }</c>: the body holds for each element.</summary>
internal sealed class EveryStatement(Location location, VarTerm? key, VarTerm value, Term domain, Statement[] body) : Statement(location)
{
    /// <summary>The variable of the key.</summary>
    public VarTerm? Key { get; } = key;

    /// <summary>The variable of the element.</summary>
    public VarTerm Value { get; } = value;

    /// <summary>What is walked through.</summary>
    public Term Domain { get; } = domain;

    /// <summary>The condition.</summary>
    public Statement[] Body { get; } = body;
}
