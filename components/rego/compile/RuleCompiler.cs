namespace DaprK8s.Components.Rego;

/// <summary>Compiles the rules of one place.</summary>
internal sealed class RuleCompiler(Compiler compiler, RuleGroup group)
{
    private Dictionary<string, int> slots = new(StringComparer.Ordinal);
    private int hoisted;

    /// <summary>The compiler of the whole.</summary>
    public Compiler Compiler => compiler;

    /// <summary>Compiles them.</summary>
    public void Compile()
    {
        List<Node> values = [];
        foreach (var rule in group.Sources)
        {
            slots = new Dictionary<string, int>(StringComparer.Ordinal);
            if (rule.IsDefault)
            {
                CheckDefault(rule.Alternatives[0].Value);
                group.Default = new BodyCompiler(this, []).Constant(rule.Alternatives[0].Value);
                continue;
            }

            HashSet<string> bound = new(StringComparer.Ordinal);
            var arguments = new BodyCompiler(this, bound).Arguments(rule.Arguments);
            var bodies = new Step[rule.Alternatives.Length];
            for (var i = 0; i < bodies.Length; i++)
            {
                bodies[i] = Body(rule, rule.Alternatives[i], new HashSet<string>(bound, StringComparer.Ordinal), values);
            }

            group.Rules.Add(new CompiledRule(arguments, bodies));
        }

        group.AllAlike = values.All(v => v is ConstantNode constant && RegoValue.Same(constant.Value, ((ConstantNode)values[0]).Value));
    }

    /// <summary>The slot of a variable.</summary>
    public int Slot(string name)
    {
        if (!slots.TryGetValue(name, out var slot))
        {
            slots[name] = slot = compiler.NewSlot();
        }

        return slot;
    }

    /// <summary>A variable of no name in the policy.</summary>
    public VarTerm NewVariable(Location location) => new(location, $"~{hoisted++}");

    /// <summary>Notes that these rules depend on a document.</summary>
    public void Use(Document document) => compiler.Use(group, document);

    private static void CheckDefault(Term value)
    {
        switch (value)
        {
            case ScalarTerm or ComprehensionTerm:
                break;
            case ArrayTerm array:
                Array.ForEach(array.Items, CheckDefault);
                break;
            case SetTerm set:
                Array.ForEach(set.Items, CheckDefault);
                break;
            case ObjectTerm obj:
                Array.ForEach(obj.Pairs, p => CheckDefault(p.Key));
                Array.ForEach(obj.Pairs, p => CheckDefault(p.Value));
                break;
            default:
                throw new RegoCompileException(
                    RegoCompileException.Compile, value.Location, "illegal default rule (value cannot contain references, variables or calls)");
        }
    }

    private Step Body(RuleSyntax rule, RuleAlternative alternative, HashSet<string> bound, List<Node> values)
    {
        var body = new BodyCompiler(this, bound);
        return body.Compile(alternative.Body, [.. rule.Path, alternative.Value], nodes =>
        {
            var value = nodes[^1];
            values.Add(value);
            return group.Kind switch
            {
                GroupKind.Set => new CollectStep(group.List, null, value),
                GroupKind.Object => new EntryStep(rule.Form == RuleForm.Member ? group.MemberList : group.List, nodes[..^1], value),
                _ => new ResultStep(group, value, alternative.Location),
            };
        });
    }
}
