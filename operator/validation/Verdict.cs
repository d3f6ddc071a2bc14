namespace DaprK8s.Operator.Validation;

/// <summary>What is said of a resource.</summary>
/// <param name="Allowed">Whether it is accepted.</param>
/// <param name="Message">Why it is not, naming each field and how to put it right; empty when it is.</param>
/// <param name="Warnings">What its author should know; shown by <c>kubectl</c>.</param>
internal sealed record Verdict(bool Allowed, string Message, IReadOnlyList<string> Warnings)
{
    /// <summary>Accepted, without a word.</summary>
    public static Verdict Accepted { get; } = new(true, "", []);
}
