using System.Globalization;

namespace DaprK8s.Components.Rego;

/// <summary>A place in the text of a policy; lines and columns count from one.</summary>
/// <param name="Line">The line.</param>
/// <param name="Column">The column, in UTF-16 units.</param>
internal readonly record struct Location(int Line, int Column)
{
    /// <summary><c>line:column</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Line}:{Column}");
}

/// <summary>A policy cannot be used: it is no Rego, breaks a rule of the language, or asks for something that isn't offered.</summary>
internal sealed class RegoCompileException(string code, Location location, string problem)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"line {location.Line}, column {location.Column}: {code}: {problem}"))
{
    /// <summary>The text is no Rego.</summary>
    public const string Parse = "rego_parse_error";

    /// <summary>It breaks a rule of the language.</summary>
    public const string Compile = "rego_compile_error";

    /// <summary>A variable can have infinitely many values.</summary>
    public const string Unsafe = "rego_unsafe_var_error";

    /// <summary>A rule depends on itself.</summary>
    public const string Recursion = "rego_recursion_error";

    /// <summary>A function is unknown, or is called with what it cannot take.</summary>
    public const string Type = "rego_type_error";

    /// <summary>The kind of mistake.</summary>
    public string Code { get; } = code;

    /// <summary>Where.</summary>
    public Location Location { get; } = location;
}

/// <summary>An evaluation came to no answer. The message never holds a value of the input.</summary>
internal sealed class RegoEvaluationException(string code, Location location, string problem)
    : Exception(location.Line == 0 ? $"{code}: {problem}" : $"line {location.Line}, column {location.Column}: {code}: {problem}")
{
    /// <summary>A rule has two values.</summary>
    public const string Conflict = "eval_conflict_error";

    /// <summary>Too many steps, too large a value or too deep.</summary>
    public const string Limit = "eval_limit_error";

    /// <summary>What went wrong.</summary>
    public string Code { get; } = code;
}
