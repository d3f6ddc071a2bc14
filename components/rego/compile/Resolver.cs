using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>
/// Gives every name in a rule its meaning: a declared variable (renamed, so that it is unique in its rule), an imported document, a
/// rule of the package, a function, or a variable that needs no declaration.
/// </summary>
internal sealed class Resolver
{
    private readonly Dictionary<string, Import> imports = new(StringComparer.Ordinal);
    private readonly Module module;
    private readonly HashSet<string> ruleNames;
    private int renamed;

    /// <summary>Prepares for the rules of a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="ruleNames">The names of all rules in its package.</param>
    public Resolver(Module module, HashSet<string> ruleNames)
    {
        this.module = module;
        this.ruleNames = ruleNames;
        foreach (var import in module.Imports)
        {
            imports[import.Alias] = import;
        }
    }

    /// <summary>The same rule with all names resolved.</summary>
    public RuleSyntax Resolve(RuleSyntax rule)
    {
        var outer = new Scope(null);
        foreach (var argument in rule.Arguments)
        {
            Declare(argument, outer);
        }

        var arguments = Terms(rule.Arguments, outer);
        Term[]? path = null;
        var alternatives = new RuleAlternative[rule.Alternatives.Length];
        for (var i = 0; i < alternatives.Length; i++)
        {
            var scope = new Scope(outer);
            var body = Body(rule.Alternatives[i].Body, scope);
            path ??= Terms(rule.Path, scope);
            alternatives[i] = rule.Alternatives[i] with { Body = body, Value = Term(rule.Alternatives[i].Value, scope) };
        }

        return rule with { Path = path!, Arguments = arguments, Alternatives = alternatives };
    }

    private static RegoCompileException Error(Location location, string problem) => new(RegoCompileException.Compile, location, problem);

    private Statement[] Body(Statement[] body, Scope scope)
    {
        List<Statement> resolved = new(body.Length);
        foreach (var statement in body)
        {
            var with = Modifiers(statement.With, scope);
            switch (statement)
            {
                case SomeStatement some:
                    foreach (var name in some.Names)
                    {
                        Declare(name, some.Location, scope);
                    }

                    break;
                case SomeInStatement some:
                    var collection = Term(some.Collection, scope);
                    DeclareAll(some.Key, scope);
                    DeclareAll(some.Value, scope);
                    var key = some.Key is null ? null : Term(some.Key, scope);
                    resolved.Add(new SomeInStatement(some.Location, key, Term(some.Value, scope), collection) { With = with });
                    break;
                case UnifyStatement { Declares: true } assignment:
                    var right = Term(assignment.Right, scope);
                    DeclareLeft(assignment.Left, scope);
                    resolved.Add(new UnifyStatement(assignment.Location, Term(assignment.Left, scope), right, true) { With = with });
                    break;
                case UnifyStatement unify:
                    resolved.Add(new UnifyStatement(unify.Location, Term(unify.Left, scope), Term(unify.Right, scope), false)
                    {
                        Negated = unify.Negated,
                        With = with,
                    });
                    break;
                case EveryStatement every:
                    resolved.Add(Every(every, scope, with));
                    break;
                case TermStatement term:
                    resolved.Add(new TermStatement(term.Location, Term(term.Term, scope)) { Negated = term.Negated, With = with });
                    break;
            }
        }

        return [.. resolved];
    }

    private EveryStatement Every(EveryStatement every, Scope scope, Modifier[] with)
    {
        var domain = Term(every.Domain, scope);
        var inner = new Scope(scope);
        DeclareAll(every.Key, inner);
        DeclareAll(every.Value, inner);
        var key = every.Key is null ? null : (VarTerm)Term(every.Key, inner);
        var value = (VarTerm)Term(every.Value, inner);
        return new EveryStatement(every.Location, key, value, domain, Body(every.Body, new Scope(inner))) { With = with };
    }

    private Modifier[] Modifiers(Modifier[] modifiers, Scope scope)
    {
        var resolved = new Modifier[modifiers.Length];
        for (var i = 0; i < resolved.Length; i++)
        {
            var target = Term(modifiers[i].Target, scope);
            var isDocument = target is RootTerm || (target is RefTerm { Head: RootTerm } path && path.Parts.All(p => p is ScalarTerm { Value: RegoString }));
            if (!isDocument)
            {
                throw Error(target.Location, "with can replace input, data and what is under them by constant names; replacing functions is not supported");
            }

            resolved[i] = new Modifier(target, Term(modifiers[i].Value, scope));
        }

        return resolved;
    }

    private Term[] Terms(Term[] terms, Scope scope) => Array.ConvertAll(terms, t => Term(t, scope));

    private Term Term(Term term, Scope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (term)
        {
            case VarTerm variable:
                return Variable(variable, scope);
            case RefTerm reference:
                var head = Term(reference.Head, scope);
                var parts = Terms(reference.Parts, scope);
                return head is RefTerm inner
                    ? new RefTerm(reference.Location, inner.Head, [.. inner.Parts, .. parts])
                    : new RefTerm(reference.Location, head, parts);
            case ArrayTerm array:
                return new ArrayTerm(array.Location, Terms(array.Items, scope));
            case SetTerm set:
                return new SetTerm(set.Location, Terms(set.Items, scope));
            case ObjectTerm obj:
                return new ObjectTerm(obj.Location, Array.ConvertAll(obj.Pairs, p => KeyValuePair.Create(Term(p.Key, scope), Term(p.Value, scope))));
            case CallTerm call:
                return new CallTerm(call.Location, Function(call, scope), Terms(call.Arguments, scope));
            case ComprehensionTerm comprehension:
                var own = new Scope(scope);
                var body = Body(comprehension.Body, own);
                var key = comprehension.Key is null ? null : Term(comprehension.Key, own);
                return new ComprehensionTerm(comprehension.Location, comprehension.Kind, key, Term(comprehension.Value, own), body);
            default:
                return term;
        }
    }

    private Term Variable(VarTerm variable, Scope scope)
    {
        if (variable.IsWildcard)
        {
            return variable;
        }

        if (scope.Find(variable.Name) is { } declared)
        {
            return new VarTerm(variable.Location, declared);
        }

        if (variable.Name is "input" or "data")
        {
            return new RootTerm(variable.Location, variable.Name == "input" ? RootDocument.Input : RootDocument.Data);
        }

        if (imports.TryGetValue(variable.Name, out var import))
        {
            return Document(variable.Location, import.Root, import.Path);
        }

        if (ruleNames.Contains(variable.Name))
        {
            return Document(variable.Location, RootDocument.Data, [.. module.Package, variable.Name]);
        }

        scope.Mention(variable.Name);
        return variable;
    }

    private static Term Document(Location location, RootDocument root, string[] path)
        => path.Length == 0
            ? new RootTerm(location, root)
            : new RefTerm(location, new RootTerm(location, root), Array.ConvertAll(path, Term (p) => new ScalarTerm(location, new RegoString(p))));

    private string[] Function(CallTerm call, Scope scope)
    {
        var head = call.Function[0];
        if (scope.Find(head) is not null)
        {
            throw Error(call.Location, $"{head} is a variable and cannot be called");
        }

        return imports.TryGetValue(head, out var import) && import.Root == RootDocument.Data ? ["data", .. import.Path, .. call.Function.AsSpan(1)]
            : ruleNames.Contains(head) ? ["data", .. module.Package, .. call.Function]
            : call.Function;
    }

    /// <summary>Declares the variables at the left of <c>:=</c>.</summary>
    private void DeclareLeft(Term left, Scope scope)
    {
        switch (left)
        {
            case VarTerm { IsWildcard: true } or ScalarTerm:
                break;
            case VarTerm variable:
                Declare(variable.Name, variable.Location, scope);
                break;
            case ArrayTerm array:
                foreach (var item in array.Items)
                {
                    DeclareLeft(item, scope);
                }

                break;
            case ObjectTerm obj:
                foreach (var (_, value) in obj.Pairs)
                {
                    DeclareLeft(value, scope);
                }

                break;
            default:
                throw Error(left.Location, "cannot assign to this: a variable, an array or an object of variables expected");
        }
    }

    private void DeclareAll(Term? pattern, Scope scope)
    {
        switch (pattern)
        {
            case VarTerm { IsWildcard: false } variable when !scope.Declares(variable.Name):
                Declare(variable.Name, variable.Location, scope);
                break;
            case ArrayTerm array:
                Array.ForEach(array.Items, i => DeclareAll(i, scope));
                break;
            case ObjectTerm obj:
                Array.ForEach(obj.Pairs, p => DeclareAll(p.Value, scope));
                break;
        }
    }

    /// <summary>Declares the variables of a function's argument.</summary>
    private void Declare(Term argument, Scope scope)
    {
        switch (argument)
        {
            case RefTerm or CallTerm or SetTerm or ComprehensionTerm:
                throw Error(argument.Location, "a function's argument must be a variable, a constant, or an array or object of such");
            default:
                DeclareAll(argument, scope);
                break;
        }
    }

    private void Declare(string name, Location location, Scope scope)
    {
        if (scope.Mentions(name))
        {
            throw Error(location, $"var {name} referenced above");
        }

        if (scope.Declares(name) || (scope.Outer is { Outer: null } arguments && arguments.Declares(name)))
        {
            throw Error(location, $"var {name} assigned above");
        }

        scope.Declare(name, $"{name}#{++renamed}");
    }

    private sealed class Scope(Scope? outer)
    {
        private readonly Dictionary<string, string> declared = new(StringComparer.Ordinal);
        private readonly HashSet<string> mentioned = new(StringComparer.Ordinal);

        public Scope? Outer { get; } = outer;

        public void Declare(string name, string unique) => declared.Add(name, unique);

        public bool Declares(string name) => declared.ContainsKey(name);

        public bool Mentions(string name) => mentioned.Contains(name);

        public string? Find(string name)
        {
            for (var scope = this; scope is not null; scope = scope.Outer)
            {
                if (scope.declared.TryGetValue(name, out var unique))
                {
                    return unique;
                }
            }

            return null;
        }

        public void Mention(string name) => mentioned.Add(name);
    }
}
