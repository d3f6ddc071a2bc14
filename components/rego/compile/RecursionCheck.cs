using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>Refuses rules that depend on themselves.</summary>
/// <param name="uses">The documents that each group of rules depends on directly.</param>
internal sealed class RecursionCheck(Dictionary<RuleGroup, List<Document>> uses)
{
    private readonly HashSet<RuleGroup> done = [];
    private readonly HashSet<RuleGroup> underWay = [];

    /// <summary>Checks all groups.</summary>
    /// <exception cref="RegoCompileException">One depends on itself.</exception>
    public void Run(IEnumerable<RuleGroup> groups)
    {
        foreach (var group in groups)
        {
            Visit(group);
        }
    }

    private void Visit(RuleGroup group)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (done.Contains(group))
        {
            return;
        }

        if (!underWay.Add(group))
        {
            throw new RegoCompileException(
                RegoCompileException.Recursion, group.Sources[0].Location, $"rule {group.Document.Path} is recursive");
        }

        foreach (var document in uses.GetValueOrDefault(group) ?? [])
        {
            VisitAll(document);
        }

        underWay.Remove(group);
        done.Add(group);
    }

    private void VisitAll(Document document)
    {
        if (document.Group is { } group)
        {
            Visit(group);
        }

        foreach (var child in document.Children)
        {
            VisitAll(child);
        }
    }
}
