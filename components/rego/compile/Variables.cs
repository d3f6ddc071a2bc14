using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>Which variables a piece of a resolved rule uses, told apart by whether they stand in a body of their own (a closure) or not.</summary>
internal static class Variables
{
    /// <summary>Collects the variables of a statement.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="open">Given those that stand outside of closures.</param>
    /// <param name="closed">Given those that stand in closures.</param>
    public static void Of(Statement statement, ISet<string> open, ISet<string> closed)
    {
        switch (statement)
        {
            case TermStatement term:
                Of(term.Term, open, closed);
                break;
            case UnifyStatement unify:
                Of(unify.Left, open, closed);
                Of(unify.Right, open, closed);
                break;
            case SomeInStatement some:
                Of(some.Key, open, closed);
                Of(some.Value, open, closed);
                Of(some.Collection, open, closed);
                break;
            case EveryStatement every:
                Of(every.Domain, open, closed);
                Of(every.Key, closed, closed);
                Of(every.Value, closed, closed);
                foreach (var inner in every.Body)
                {
                    Of(inner, closed, closed);
                }

                break;
        }

        foreach (var modifier in statement.With)
        {
            Of(modifier.Value, open, closed);
        }
    }

    /// <summary>Collects the variables of a term.</summary>
    /// <param name="term">The term, if any.</param>
    /// <param name="open">Given those that stand outside of closures.</param>
    /// <param name="closed">Given those that stand in closures.</param>
    public static void Of(Term? term, ISet<string> open, ISet<string> closed)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (term)
        {
            case VarTerm variable:
                open.Add(variable.Name);
                break;
            case RefTerm reference:
                Of(reference.Head, open, closed);
                Of(reference.Parts, open, closed);
                break;
            case ArrayTerm array:
                Of(array.Items, open, closed);
                break;
            case SetTerm set:
                Of(set.Items, open, closed);
                break;
            case ObjectTerm obj:
                foreach (var (key, value) in obj.Pairs)
                {
                    Of(key, open, closed);
                    Of(value, open, closed);
                }

                break;
            case CallTerm call:
                Of(call.Arguments, open, closed);
                break;
            case ComprehensionTerm comprehension:
                Of(comprehension.Key, closed, closed);
                Of(comprehension.Value, closed, closed);
                foreach (var statement in comprehension.Body)
                {
                    Of(statement, closed, closed);
                }

                break;
        }
    }

    /// <summary>The first variable of a term, outside of closures, that is not among some; <see langword="null"/> when all are.</summary>
    public static VarTerm? FirstMissing(Term? term, ISet<string> among)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return term switch
        {
            VarTerm variable => among.Contains(variable.Name) ? null : variable,
            RefTerm reference => FirstMissing(reference.Head, among) ?? FirstMissing(reference.Parts, among),
            ArrayTerm array => FirstMissing(array.Items, among),
            SetTerm set => FirstMissing(set.Items, among),
            ObjectTerm obj => FirstMissing(obj.Pairs.Select(p => p.Key), among) ?? FirstMissing(obj.Pairs.Select(p => p.Value), among),
            CallTerm call => FirstMissing(call.Arguments, among),
            _ => null,
        };
    }

    /// <summary>The first variable of a statement that is not among some.</summary>
    public static VarTerm? FirstMissing(Statement statement, ISet<string> among) => (statement switch
    {
        TermStatement term => FirstMissing(term.Term, among),
        UnifyStatement unify => FirstMissing(unify.Right, among) ?? FirstMissing(unify.Left, among),
        SomeInStatement some => FirstMissing(some.Collection, among) ?? FirstMissing(some.Key, among) ?? FirstMissing(some.Value, among),
        EveryStatement every => FirstMissing(every.Domain, among),
        _ => null,
    }) ?? FirstMissing(statement.With.Select(w => w.Value), among);

    private static VarTerm? FirstMissing(IEnumerable<Term> terms, ISet<string> among)
        => terms.Select(t => FirstMissing(t, among)).FirstOrDefault(v => v is not null);

    private static void Of(Term[] terms, ISet<string> open, ISet<string> closed)
    {
        foreach (var term in terms)
        {
            Of(term, open, closed);
        }
    }
}
