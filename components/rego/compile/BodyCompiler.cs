using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>
/// Turns one body into steps: moves look-ups that walk through collections out of the terms they stand in, puts statements into an
/// order in which each one knows the variables it needs, and refuses a body for which there is none.
/// </summary>
internal sealed partial class BodyCompiler
{
    private const int MaxStatements = 400;

    private readonly RuleCompiler rule;
    private readonly HashSet<string> bound;
    private readonly HashSet<string> shared;
    private readonly List<Step> chain = [];

    /// <summary>Prepares for a body.</summary>
    /// <param name="rule">The rule it is in.</param>
    /// <param name="bound">The variables that have values when it begins.</param>
    public BodyCompiler(RuleCompiler rule, HashSet<string> bound)
    {
        this.rule = rule;
        this.bound = bound;
        shared = new HashSet<string>(bound, StringComparer.Ordinal);
    }

    /// <summary>Compiles a body.</summary>
    /// <param name="body">The statements.</param>
    /// <param name="results">The terms that are to be known at its end.</param>
    /// <param name="end">Makes the last step from the results.</param>
    /// <returns>The first step.</returns>
    public Step Compile(Statement[] body, Term[] results, Func<Node[], Step> end)
    {
        List<Statement> pending = [];
        foreach (var statement in body)
        {
            Prepare(statement, pending);
        }

        for (var i = 0; i < results.Length; i++)
        {
            results[i] = Hoist(results[i], pending, [], top: false);
        }

        if (pending.Count > MaxStatements)
        {
            throw new RegoCompileException(RegoCompileException.Compile, pending[MaxStatements].Location, "a body of so many statements is not supported");
        }

        foreach (var statement in pending)
        {
            Variables.Of(statement, shared, new HashSet<string>());
        }

        Schedule(pending);
        foreach (var result in results)
        {
            if (Variables.FirstMissing(result, bound) is { } missing)
            {
                throw Unsafe(missing);
            }
        }

        return Link(end(Array.ConvertAll(results, Emit)));
    }

    /// <summary>The value of a term that needs nothing.</summary>
    public Node Constant(Term term) => Emit(term);

    /// <summary>The patterns of a function's arguments.</summary>
    public Pattern[] Arguments(Term[] arguments) => Array.ConvertAll(arguments, EmitPattern);

    private static RegoCompileException Unsafe(VarTerm variable)
        => new(RegoCompileException.Unsafe, variable.Location, variable.Name[0] == '~' ? "expression is unsafe" : $"var {variable.Written} is unsafe");

    private Step Link(Step last)
    {
        for (var i = chain.Count - 1; i >= 0; i--)
        {
            chain[i].Next = last;
            last = chain[i];
        }

        return last;
    }

    private void Schedule(List<Statement> pending)
    {
        while (pending.Count > 0)
        {
            var ready = pending.FindIndex(IsReady);
            if (ready < 0)
            {
                throw Unsafe(Variables.FirstMissing(pending[0], bound) ?? ClosureMissing(pending[0]) ?? new VarTerm(pending[0].Location, "~"));
            }

            var statement = pending[ready];
            pending.RemoveAt(ready);
            Emit(statement);
        }
    }

    private VarTerm? ClosureMissing(Statement statement)
        => ClosureNeeds(statement).FirstOrDefault(n => !bound.Contains(n)) is { } name ? new VarTerm(statement.Location, name) : null;

    /// <summary>The variables in a statement's closures that are those of this body.</summary>
    private IEnumerable<string> ClosureNeeds(Statement statement)
    {
        HashSet<string> closed = new(StringComparer.Ordinal);
        Variables.Of(statement, new HashSet<string>(), closed);
        return closed.Where(shared.Contains);
    }

    /// <summary>Adds a statement, after those which it needs because of look-ups in its terms.</summary>
    private void Prepare(Statement statement, List<Statement> into)
    {
        foreach (var modifier in statement.With)
        {
            CheckReplaceable(modifier.Target);
        }

        var with = Array.ConvertAll(statement.With, w => w with { Value = Hoist(w.Value, into, [], top: false) });
        switch (statement)
        {
            case TermStatement { Term: CallTerm { Function: ["print"] } }:
                // Nobody reads what a policy prints; its arguments may even be undefined.
                break;
            case TermStatement { Term: CallTerm call } term when rule.Compiler.ArityOf(call.Function) is { } arity && call.Arguments.Length == arity + 1:
                // The classic form of a call: the last argument is the result.
                Prepare(
                    new UnifyStatement(term.Location, call.Arguments[^1], new CallTerm(call.Location, call.Function, call.Arguments[..^1]), false)
                    { Negated = term.Negated, With = term.With },
                    into);
                break;
            case { Negated: true } and TermStatement term:
                into.Add(new TermStatement(term.Location, term.Term) { Negated = true, With = with });
                break;
            case { Negated: true } and UnifyStatement unify:
                into.Add(new UnifyStatement(unify.Location, unify.Left, unify.Right, false) { Negated = true, With = with });
                break;
            case TermStatement term:
                into.Add(new TermStatement(term.Location, Hoist(term.Term, into, with, top: true)) { With = with });
                break;
            case UnifyStatement unify:
                var left = Hoist(unify.Left, into, with, top: true);
                into.Add(new UnifyStatement(unify.Location, left, Hoist(unify.Right, into, with, top: true), unify.Declares) { With = with });
                break;
            case SomeInStatement some:
                var collection = Hoist(some.Collection, into, with, top: true);
                var key = some.Key is null ? null : Hoist(some.Key, into, with, top: false);
                into.Add(new SomeInStatement(some.Location, key, Hoist(some.Value, into, with, top: false), collection) { With = with });
                break;
            case EveryStatement every:
                into.Add(new EveryStatement(every.Location, every.Key, every.Value, Hoist(every.Domain, into, with, top: true), every.Body) { With = with });
                break;
        }
    }

    private void CheckReplaceable(Term target)
    {
        if (target is RefTerm { Head: RootTerm { Root: RootDocument.Data } } path
            && rule.Compiler.FunctionOf(["data", .. path.Parts.Select(p => ((RegoString)((ScalarTerm)p).Value).Value)]) is not null)
        {
            throw new RegoCompileException(RegoCompileException.Compile, target.Location, "replacing functions is not supported");
        }
    }

    /// <summary>
    /// The term with each look-up in it that may walk through a collection replaced by a variable; statements that give those
    /// variables their values are added.
    /// </summary>
    private Term Hoist(Term term, List<Statement> into, Modifier[] with, bool top)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (term)
        {
            case RefTerm reference:
                var moved = new RefTerm(
                    reference.Location, Hoist(reference.Head, into, with, false), Array.ConvertAll(reference.Parts, p => Hoist(p, into, with, false)));
                if (top || !moved.Parts.Any(MayWalk))
                {
                    return moved;
                }

                return Move(moved, into, with);
            case CallTerm call:
                rule.Compiler.CheckExists(call);
                var made = new CallTerm(call.Location, call.Function, Array.ConvertAll(call.Arguments, a => Hoist(a, into, with, false)));
                return top || !IsWalk(call) ? made : Move(made, into, with);
            case ArrayTerm array:
                return new ArrayTerm(array.Location, Array.ConvertAll(array.Items, i => Hoist(i, into, with, false)));
            case SetTerm set:
                return new SetTerm(set.Location, Array.ConvertAll(set.Items, i => Hoist(i, into, with, false)));
            case ObjectTerm obj:
                return new ObjectTerm(
                    obj.Location, Array.ConvertAll(obj.Pairs, p => KeyValuePair.Create(Hoist(p.Key, into, with, false), Hoist(p.Value, into, with, false))));
            default:
                return term;
        }
    }

    private VarTerm Move(Term term, List<Statement> into, Modifier[] with)
    {
        var variable = rule.NewVariable(term.Location);
        into.Add(new UnifyStatement(term.Location, variable, term, false) { With = with });
        return variable;
    }

    /// <summary>Whether a call has many results: one for each value inside of its argument.</summary>
    private static bool IsWalk(CallTerm call) => call.Function is ["walk"];

    private static bool MayWalk(Term part) => part is VarTerm
        || (part is ArrayTerm array && array.Items.Any(MayWalk))
        || (part is ObjectTerm obj && obj.Pairs.Any(p => MayWalk(p.Value)));
}
