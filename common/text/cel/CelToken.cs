namespace DaprK8s.Common.Text.Cel;

/// <summary>A word of a CEL expression.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">As it stands in the expression.</param>
/// <param name="Position">Characters before it.</param>
internal readonly record struct CelToken(CelTokenKind Kind, string Text, int Position);

/// <summary>Kinds of words.</summary>
internal enum CelTokenKind
{
    End,
    Identifier,
    Literal,
    Operator,
}
