namespace DaprK8s.Components.Rego;

/// <summary>Makes a program of policies: names resolved, rules put in their places, bodies ordered and turned into steps.</summary>
internal sealed class Compiler
{
    private readonly Document root;
    private readonly List<RuleGroup> groups = [];
    private readonly Dictionary<RuleGroup, List<Document>> uses = [];
    private int slots;
    private int lists;
    private int documents;

    private Compiler(RegoObject? data) => root = new Document(null, null, documents++, data ?? RegoObject.Empty);

    /// <summary>Compiles policies, with data that they can refer to.</summary>
    /// <exception cref="RegoCompileException">A policy cannot be used.</exception>
    public static RegoProgram Compile(ReadOnlySpan<string> policies, RegoObject? data)
    {
        var modules = new Module[policies.Length];
        for (var i = 0; i < modules.Length; i++)
        {
            modules[i] = Parser.Parse(policies[i]);
        }

        try
        {
            return new Compiler(data).Compile(modules);
        }
        catch (InsufficientExecutionStackException)
        {
            throw new RegoCompileException(RegoCompileException.Compile, new Location(1, 1), "the policy is nested too deeply");
        }
    }

    /// <summary>A new variable.</summary>
    public int NewSlot() => slots++;

    /// <summary>A new collection.</summary>
    public int NewList() => lists++;

    /// <summary>The place below another one.</summary>
    public Document Child(Document parent, string name)
    {
        if (parent.Child(name) is { } known)
        {
            return known;
        }

        var key = new RegoString(name);
        var child = new Document(key, parent, documents++, (parent.Given as RegoObject)?.Get(key));
        parent.Add(name, child);
        return child;
    }

    /// <summary>
    /// The place that a path of keys begins with, as far as the keys are constant names and no rule stands there.
    /// </summary>
    /// <param name="parts">The keys after <c>data</c>.</param>
    /// <param name="taken">How many keys it takes.</param>
    public Document Place(Term[] parts, out int taken)
    {
        var place = root;
        taken = 0;
        while (taken < parts.Length && place.Group is null && parts[taken] is ScalarTerm { Value: RegoString name })
        {
            place = Child(place, name.Value);
            taken++;
        }

        return place;
    }

    /// <summary>The place of a path, whatever stands on the way.</summary>
    public Document PlaceOf(IEnumerable<string> path) => path.Aggregate(root, Child);

    /// <summary>Notes that the value of a group depends on a document.</summary>
    public void Use(RuleGroup user, Document document)
    {
        if (!uses.TryGetValue(user, out var used))
        {
            uses[user] = used = [];
        }

        used.Add(document);
    }

    /// <summary>The number of arguments of a function; <see langword="null"/> when there is no such function.</summary>
    public int? ArityOf(string[] function)
        => function[0] == "data" ? FunctionOf(function)?.Arity : Builtins.Find(string.Join('.', function))?.Arity;

    /// <summary>Refuses the call of a function that there isn't.</summary>
    public void CheckExists(CallTerm call)
    {
        if (ArityOf(call.Function) is null)
        {
            throw new RegoCompileException(
                RegoCompileException.Type, call.Location, call.Function[0] == "data" ? $"undefined function {call.Name}" : Builtins.Refusal(call.Name));
        }
    }

    /// <summary>A function of the policies.</summary>
    public RuleGroup? FunctionOf(string[] function)
    {
        Document? place = root;
        foreach (var name in function.AsSpan(1))
        {
            place = place?.Child(name);
        }

        return place?.Group is { Kind: GroupKind.Function } group ? group : null;
    }

    private static RegoCompileException Error(Location location, string problem) => new(RegoCompileException.Compile, location, problem);

    private RegoProgram Compile(Module[] modules)
    {
        foreach (var package in modules.GroupBy(m => string.Join('\0', m.Package), StringComparer.Ordinal))
        {
            var names = package.SelectMany(m => m.Rules).Select(r => ((RegoString)((ScalarTerm)r.Path[0]).Value).Value).ToHashSet(StringComparer.Ordinal);
            foreach (var module in package)
            {
                var place = PlaceOf(module.Package);
                place.MarkPackage();
                var resolver = new Resolver(module, names);
                foreach (var rule in module.Rules)
                {
                    Add(place, resolver.Resolve(rule));
                }
            }
        }

        foreach (var group in groups)
        {
            CheckPlace(group);
        }

        foreach (var group in groups)
        {
            new RuleCompiler(this, group).Compile();
        }

        new RecursionCheck(uses).Run(groups);
        return new RegoProgram(root, slots, lists, documents);
    }

    private void Add(Document package, RuleSyntax rule)
    {
        var place = package;
        var taken = 0;
        while (taken < rule.Path.Length && rule.Path[taken] is ScalarTerm { Value: RegoString name })
        {
            // What holds rules is an object even when none of them has a value.
            place.MarkPackage();
            place = Child(place, name.Value);
            taken++;
        }

        var kind = rule.Form switch
        {
            RuleForm.Function => GroupKind.Function,
            _ when taken < rule.Path.Length => GroupKind.Object,
            RuleForm.Member => GroupKind.Set,
            _ => GroupKind.Value,
        };
        if (place.Group is null)
        {
            place.Group = new RuleGroup(place, kind) { ResultSlot = NewSlot(), List = NewList(), MemberList = NewList() };
            groups.Add(place.Group);
        }

        if (place.Group.Kind != kind
            || (kind == GroupKind.Function && place.Group.Sources.Count > 0 && place.Group.Arity != rule.Arguments.Length))
        {
            throw Error(rule.Location, $"conflicting rules {place.Path} found");
        }

        if (rule.IsDefault && place.Group.Sources.Any(s => s.IsDefault))
        {
            throw Error(rule.Location, $"multiple default rules {place.Path} found");
        }

        place.Group.Sources.Add(rule with { Path = rule.Path[taken..] });
    }

    /// <summary>Only objects can have rules of places below them.</summary>
    private static void CheckPlace(RuleGroup group)
    {
        if (group.Kind != GroupKind.Object && FirstBelow(group.Document) is { } below)
        {
            throw Error(below.Sources[0].Location, $"rule {below.Document.Path} conflicts with {group.Document.Path}");
        }
    }

    private static RuleGroup? FirstBelow(Document document)
        => document.Children.Select(c => c.Group ?? FirstBelow(c)).FirstOrDefault(g => g is not null);
}
