using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>Which statements can run, given the variables that have values.</summary>
internal sealed partial class BodyCompiler
{
    private bool IsReady(Statement statement)
    {
        foreach (var need in ClosureNeeds(statement))
        {
            if (!bound.Contains(need))
            {
                return false;
            }
        }

        if (statement.Negated)
        {
            return Variables.FirstMissing(statement, bound) is null;
        }

        HashSet<string> have = new(bound, StringComparer.Ordinal);
        return statement.With.All(w => CanEvaluate(w.Value, have)) && statement switch
        {
            TermStatement term => CanEvaluate(term.Term, have),
            UnifyStatement unify => CanUnify(unify, have),
            SomeInStatement some => CanEvaluate(some.Collection, have) && (some.Key is null || CanMatch(some.Key, have)) && CanMatch(some.Value, have),
            EveryStatement every => CanEvaluate(every.Domain, have),
            _ => true,
        };
    }

    private static bool CanUnify(UnifyStatement unify, HashSet<string> have)
    {
        List<(Term Left, Term Right)> pairs = [];
        if (!Flatten(unify.Left, unify.Right, pairs))
        {
            return true;
        }

        while (pairs.Count > 0)
        {
            var ready = pairs.FindIndex(p => Direction(p.Left, p.Right, have) != 0);
            if (ready < 0)
            {
                return false;
            }

            TakeVariables(pairs[ready].Left, have);
            TakeVariables(pairs[ready].Right, have);
            pairs.RemoveAt(ready);
        }

        return true;
    }

    private static void TakeVariables(Term term, HashSet<string> have) => Variables.Of(term, have, new HashSet<string>());

    /// <summary>1 when the left side can be evaluated and matched with the right one, -1 for the reverse, 0 for neither.</summary>
    private static int Direction(Term left, Term right, HashSet<string> have)
        => Can(left, right, have) ? 1 : Can(right, left, have) ? -1 : 0;

    private static bool Can(Term value, Term pattern, HashSet<string> have)
    {
        HashSet<string> then = new(have, StringComparer.Ordinal);
        return CanEvaluate(value, then) && CanMatch(pattern, then);
    }

    /// <summary>Cuts the unification of two arrays or objects into those of their elements.</summary>
    /// <returns>Whether the sides can be one at all.</returns>
    private static bool Flatten(Term left, Term right, List<(Term Left, Term Right)> pairs)
    {
        switch (left, right)
        {
            case (ArrayTerm a, ArrayTerm b):
                return a.Items.Length == b.Items.Length && a.Items.Zip(b.Items).All(p => Flatten(p.First, p.Second, pairs));
            case (ObjectTerm a, ObjectTerm b) when a.Pairs.Concat(b.Pairs).All(p => p.Key is ScalarTerm):
                return a.Pairs.Length == b.Pairs.Length && a.Pairs.All(p
                    => Array.Find(b.Pairs, q => RegoValue.Same(((ScalarTerm)q.Key).Value, ((ScalarTerm)p.Key).Value)) is { Key: not null } other
                    && Flatten(p.Value, other.Value, pairs));
            default:
                pairs.Add((left, right));
                return true;
        }
    }

    /// <summary>Whether a term has a value, given some variables; those that it gives values to itself are added to them.</summary>
    private static bool CanEvaluate(Term term, HashSet<string> have)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (term)
        {
            case VarTerm variable:
                return have.Contains(variable.Name);
            case RefTerm reference:
                return CanEvaluate(reference.Head, have) && reference.Parts.All(p => CanMatch(p, have));
            case ArrayTerm array:
                return array.Items.All(i => CanEvaluate(i, have));
            case SetTerm set:
                return set.Items.All(i => CanEvaluate(i, have));
            case ObjectTerm obj:
                return obj.Pairs.All(p => CanEvaluate(p.Key, have) && CanEvaluate(p.Value, have));
            case CallTerm call:
                return call.Arguments.All(a => CanEvaluate(a, have));
            default:
                return true;
        }
    }

    /// <summary>Whether a value can be matched with a term; variables that get values by that are added.</summary>
    private static bool CanMatch(Term term, HashSet<string> have)
    {
        switch (term)
        {
            case VarTerm variable:
                have.Add(variable.Name);
                return true;
            case ArrayTerm array:
                return array.Items.All(i => CanMatch(i, have));
            case ObjectTerm obj:
                return obj.Pairs.All(p => CanEvaluate(p.Key, have) && CanMatch(p.Value, have));
            default:
                return CanEvaluate(term, have);
        }
    }
}
