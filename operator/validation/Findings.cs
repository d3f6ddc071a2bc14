using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Validation;

/// <summary>Collects what is found in one resource.</summary>
internal sealed class Findings
{
    // The API server cuts what is longer.
    private const int MaxWarnings = 20;

    private readonly List<string> warnings = [];

    /// <summary>What keeps the resource from being accepted.</summary>
    public List<ResourceProblem> Problems { get; } = [];

    /// <summary>The resource can't be accepted.</summary>
    public void Refuse(string path, string message) => Problems.Add(new(path, message));

    /// <summary>Its author should know something.</summary>
    public void Warn(string path, string message) => warnings.Add($"{path}: {message}");

    /// <summary>The verdict on all that was found.</summary>
    /// <param name="subject">The resource, for the message: <c>Component "statestore"</c>.</param>
    public Verdict ToVerdict(string subject)
    {
        IReadOnlyList<string> shown = warnings.Count <= MaxWarnings
            ? warnings
            : [.. warnings.Take(MaxWarnings), $"and {warnings.Count - MaxWarnings} more"];
        var message = Problems switch
        {
            [] => "",
            [var only] => $"{subject}: {only}",
            _ => $"{subject} has {Problems.Count} faults:{string.Concat(Problems.Select(p => $"\n  - {p}"))}",
        };
        return new Verdict(Problems.Count == 0, message, shown);
    }
}
