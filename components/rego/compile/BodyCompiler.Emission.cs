using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>Steps and nodes of statements and terms whose variables are known.</summary>
internal sealed partial class BodyCompiler
{
    private void Emit(Statement statement)
    {
        if (statement.Negated)
        {
            var inner = new BodyCompiler(rule, new HashSet<string>(bound, StringComparer.Ordinal));
            inner.EmitModified(statement);
            chain.Add(new NotStep(inner.Link(new StopStep())));
        }
        else
        {
            EmitModified(statement);
        }
    }

    private void EmitModified(Statement statement)
    {
        if (statement.With.Length > 0)
        {
            chain.Add(new EnterStep(Array.ConvertAll(statement.With, EmitReplacement)));
        }

        EmitPlain(statement);
        if (statement.With.Length > 0)
        {
            chain.Add(new LeaveStep());
        }
    }

    private Replacement EmitReplacement(Modifier modifier)
    {
        var value = Emit(modifier.Value);
        var (root, parts) = modifier.Target is RefTerm { Head: RootTerm head } path ? (head.Root, path.Parts) : (((RootTerm)modifier.Target).Root, []);
        var keys = Array.ConvertAll(parts, p => ((ScalarTerm)p).Value);
        return root == RootDocument.Input
            ? new Replacement(null, keys, value)
            : new Replacement(rule.Compiler.PlaceOf(keys.Select(k => ((RegoString)k).Value)), [], value);
    }

    private void EmitPlain(Statement statement)
    {
        switch (statement)
        {
            case TermStatement term:
                chain.Add(new TestStep(Emit(term.Term)));
                break;
            case UnifyStatement unify:
                EmitUnify(unify);
                break;
            case SomeInStatement some:
                var source = Emit(some.Collection);
                chain.Add(new IterateStep(source, some.Key is null ? new AnyPattern() : EmitPattern(some.Key), EmitPattern(some.Value)));
                break;
            case EveryStatement every:
                var domain = Emit(every.Domain);
                var inner = new BodyCompiler(rule, new HashSet<string>(bound, StringComparer.Ordinal));
                var key = every.Key is null ? new AnyPattern() : inner.EmitPattern(every.Key);
                var value = inner.EmitPattern(every.Value);
                var body = new BodyCompiler(rule, inner.bound).Compile(every.Body, [], _ => new StopStep());
                chain.Add(new EveryStep(domain, key, value, body));
                break;
        }
    }

    private void EmitUnify(UnifyStatement unify)
    {
        List<(Term Left, Term Right)> pairs = [];
        if (!Flatten(unify.Left, unify.Right, pairs))
        {
            // The variables never get values, but what follows is compiled all the same.
            TakeVariables(unify.Left, bound);
            TakeVariables(unify.Right, bound);
            chain.Add(new NeverStep());
            return;
        }

        while (pairs.Count > 0)
        {
            var ready = pairs.FindIndex(p => Direction(p.Left, p.Right, bound) != 0);
            var (left, right) = pairs[ready];
            pairs.RemoveAt(ready);
            if (Direction(left, right, bound) < 0)
            {
                (left, right) = (right, left);
            }

            var value = Emit(left);
            if (right is VarTerm { IsWildcard: false } variable && bound.Add(variable.Name))
            {
                chain.Add(new BindStep(value, rule.Slot(variable.Name)));
            }
            else if (Variables.FirstMissing(right, bound) is null && right is not (ArrayTerm or ObjectTerm))
            {
                chain.Add(new TestStep(new EqualNode(value, Emit(right), negated: false)));
            }
            else if (right is RefTerm)
            {
                // It gives values to variables of its own: walk first, compare then.
                var walked = Emit(right);
                chain.Add(new TestStep(new EqualNode(value, walked, negated: false)));
            }
            else
            {
                chain.Add(new MatchStep(value, EmitPattern(right)));
            }
        }
    }

    private Pattern EmitPattern(Term term)
    {
        switch (term)
        {
            case VarTerm { IsWildcard: true }:
                return new AnyPattern();
            case VarTerm variable when bound.Add(variable.Name):
                return new SlotPattern(rule.Slot(variable.Name));
            case ArrayTerm array:
                return new ArrayPattern(Array.ConvertAll(array.Items, EmitPattern));
            case ObjectTerm obj:
                var keys = Array.ConvertAll(obj.Pairs, p => Emit(p.Key));
                return new ObjectPattern(keys, Array.ConvertAll(obj.Pairs, p => EmitPattern(p.Value)));
            default:
                return new EqualPattern(Emit(term));
        }
    }

    private Node Emit(Term term)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (term)
        {
            case ScalarTerm scalar:
                return new ConstantNode(scalar.Value);
            case VarTerm variable:
                return new SlotNode(rule.Slot(variable.Name));
            case RootTerm { Root: RootDocument.Input }:
                return new InputNode();
            case RootTerm root:
                return EmitReference(new RefTerm(root.Location, root, []));
            case RefTerm reference:
                return EmitReference(reference);
            case ArrayTerm array:
                return Fold(new ArrayNode(Array.ConvertAll(array.Items, Emit)), array.Items);
            case SetTerm set:
                return Fold(new SetNode(Array.ConvertAll(set.Items, Emit)), set.Items);
            case ObjectTerm obj:
                return Fold(
                    new ObjectNode(Array.ConvertAll(obj.Pairs, p => Emit(p.Key)), Array.ConvertAll(obj.Pairs, p => Emit(p.Value)), obj.Location),
                    [.. obj.Pairs.Select(p => p.Key), .. obj.Pairs.Select(p => p.Value)]);
            case CallTerm call:
                return EmitCall(call);
            default:
                return EmitComprehension((ComprehensionTerm)term);
        }
    }

    private static Node Fold(Node node, Term[] terms)
    {
        if (!terms.All(IsConstant))
        {
            return node;
        }

        try
        {
            return node.Eval(null!) is { } value ? new ConstantNode(value) : node;
        }
        catch (RegoEvaluationException)
        {
            return node;
        }
    }

    private static bool IsConstant(Term term) => term switch
    {
        ScalarTerm => true,
        ArrayTerm array => array.Items.All(IsConstant),
        SetTerm set => set.Items.All(IsConstant),
        ObjectTerm obj => obj.Pairs.All(p => IsConstant(p.Key) && IsConstant(p.Value)),
        _ => false,
    };

    private Node EmitReference(RefTerm reference)
    {
        Node value;
        var at = 0;
        if (reference.Head is RootTerm { Root: RootDocument.Data })
        {
            var place = rule.Compiler.Place(reference.Parts, out at);
            rule.Use(place);
            value = new DocumentNode(place);
        }
        else
        {
            value = Emit(reference.Head);
        }

        List<RegoValue> keys = [];
        for (; at < reference.Parts.Length; at++)
        {
            var part = reference.Parts[at];
            if (part is ScalarTerm scalar)
            {
                keys.Add(scalar.Value);
                continue;
            }

            value = Path(value, keys);
            if (Variables.FirstMissing(part, bound) is null)
            {
                value = new IndexNode(value, Emit(part));
            }
            else
            {
                var element = rule.Compiler.NewSlot();
                chain.Add(new IterateStep(value, EmitPattern(part), new SlotPattern(element)));
                value = new SlotNode(element);
            }
        }

        return Path(value, keys);
    }

    private static Node Path(Node value, List<RegoValue> keys)
    {
        if (keys.Count == 0)
        {
            return value;
        }

        value = new PathNode(value, [.. keys]);
        keys.Clear();
        return value;
    }

    private ComprehensionNode EmitComprehension(ComprehensionTerm comprehension)
    {
        var list = rule.Compiler.NewList();
        var inner = new BodyCompiler(rule, new HashSet<string>(bound, StringComparer.Ordinal));
        var body = comprehension.Key is { } key
            ? inner.Compile(comprehension.Body, [key, comprehension.Value], n => new CollectStep(list, n[0], n[1]))
            : inner.Compile(comprehension.Body, [comprehension.Value], n => new CollectStep(list, null, n[0]));
        return new ComprehensionNode(comprehension.Kind, body, list, comprehension.Location);
    }

    private Node EmitCall(CallTerm call)
    {
        rule.Compiler.CheckExists(call);
        var arguments = call.Arguments;
        if (call.Function[0] == "data")
        {
            var function = rule.Compiler.FunctionOf(call.Function)!;
            CheckArity(call, function.Arity);
            rule.Use(function.Document);
            return new FunctionNode(function, Array.ConvertAll(arguments, Emit));
        }

        var builtin = Builtins.Find(call.Name)!;
        CheckArity(call, builtin.Arity);
        for (var i = 0; i < arguments.Length; i++)
        {
            if (KindOf(arguments[i]) is { } kind && !builtin.Takes(i, kind))
            {
                throw TypeError(call, $"{call.Name}: argument {i + 1} must not be of type {kind.ToString().ToLowerInvariant()}");
            }
        }

        if (RegexFunctions.PatternArgument(call.Name) is >= 0 and var at && arguments[at] is ScalarTerm { Value: RegoString pattern }
            && !Re2Syntax.TryTranslate(pattern.Value, out _, out _))
        {
            throw TypeError(call, $"{call.Name}: the regular expression is not valid, or uses what is not supported");
        }

        if (IsWalk(call))
        {
            var element = rule.Compiler.NewSlot();
            chain.Add(new IterateStep(builtin.Call(Array.ConvertAll(arguments, Emit)), new AnyPattern(), new SlotPattern(element)));
            return new SlotNode(element);
        }

        return call.Name is "equal" or "neq"
            ? new EqualNode(Emit(arguments[0]), Emit(arguments[1]), call.Name == "neq")
            : builtin.Call(Array.ConvertAll(arguments, Emit));
    }

    private static RegoKind? KindOf(Term term) => term switch
    {
        ScalarTerm scalar => scalar.Value.Kind,
        ArrayTerm => RegoKind.Array,
        SetTerm => RegoKind.Set,
        ObjectTerm => RegoKind.Object,
        ComprehensionTerm comprehension => comprehension.Kind,
        _ => null,
    };

    private static void CheckArity(CallTerm call, int arity)
    {
        if (call.Arguments.Length != arity)
        {
            throw TypeError(call, $"{call.Name}: arity mismatch: it takes {arity}, not {call.Arguments.Length} arguments");
        }
    }

    private static RegoCompileException TypeError(CallTerm call, string problem) => new(RegoCompileException.Type, call.Location, problem);
}
