namespace DaprK8s.Components.Rego;

/// <summary>What the rules of one place make together.</summary>
internal enum GroupKind
{
    /// <summary>One value.</summary>
    Value,

    /// <summary>A function of arguments.</summary>
    Function,

    /// <summary>A set.</summary>
    Set,

    /// <summary>An object, perhaps of objects and sets.</summary>
    Object,
}

/// <summary>A compiled rule.</summary>
/// <param name="Arguments">The arguments' patterns, for a function.</param>
/// <param name="Bodies">The body, then those of each <c>else</c>; each ends with a step that notes its result.</param>
internal sealed record CompiledRule(Pattern[] Arguments, Step[] Bodies);

/// <summary>All rules of one place, compiled.</summary>
internal sealed class RuleGroup(Document document, GroupKind kind)
{
    /// <summary>The place.</summary>
    public Document Document { get; } = document;

    /// <summary>What the rules make.</summary>
    public GroupKind Kind { get; } = kind;

    /// <summary>The rules as written.</summary>
    public List<RuleSyntax> Sources { get; } = [];

    /// <summary>The number of a function's arguments.</summary>
    public int Arity => Sources[0].Arguments.Length;

    /// <summary>The compiled rules.</summary>
    public List<CompiledRule> Rules { get; } = [];

    /// <summary>The value when no rule has one.</summary>
    public Node? Default { get; set; }

    /// <summary>Whether all rules have one and the same constant value, so that the first that holds settles it.</summary>
    public bool AllAlike { get; set; }

    /// <summary>Where the value under way is kept.</summary>
    public int ResultSlot { get; init; }

    /// <summary>Where members and entries are collected.</summary>
    public int List { get; init; }

    /// <summary>Where members of sets in an object are collected.</summary>
    public int MemberList { get; init; }

    /// <summary>What is wrong when there are two values.</summary>
    public string ConflictText => Kind == GroupKind.Function
        ? "functions must not produce multiple outputs for same inputs"
        : "complete rules must not produce multiple outputs";

    private Location Location => Sources[0].Location;

    /// <summary>The value, or <see langword="null"/> when it is undefined.</summary>
    public RegoValue? Eval(Evaluation e)
    {
        switch (Kind)
        {
            case GroupKind.Function:
                return null;
            case GroupKind.Value:
                return Value(e, []);
            default:
                var entries = e.List(List);
                var members = Kind == GroupKind.Object ? e.List(MemberList) : null;
                foreach (var rule in Rules)
                {
                    rule.Bodies[0].Run(e);
                }

                e.Spend(entries.Count);
                return Kind == GroupKind.Set ? RegoSet.Of(entries) : ObjectOf(entries, members!);
        }
    }

    /// <summary>The value for some arguments.</summary>
    public RegoValue? Call(Evaluation e, RegoValue[] arguments)
    {
        e.Spend();
        return Value(e, arguments);
    }

    private static bool Fits(CompiledRule rule, Evaluation e, RegoValue[] arguments)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            if (!rule.Arguments[i].Match(e, arguments[i]))
            {
                return false;
            }
        }

        return true;
    }

    private RegoValue? Value(Evaluation e, RegoValue[] arguments)
    {
        RegoValue? result = null;
        foreach (var rule in Rules)
        {
            if (!Fits(rule, e, arguments) || First(rule, e) is not { } value)
            {
                continue;
            }

            if (result is not null && !RegoValue.Same(result, value))
            {
                throw new RegoEvaluationException(RegoEvaluationException.Conflict, Location, ConflictText);
            }

            result = value;
            if (AllAlike)
            {
                break;
            }
        }

        return result ?? Default?.Eval(e);
    }

    private RegoValue? First(CompiledRule rule, Evaluation e)
    {
        foreach (var body in rule.Bodies)
        {
            e.Slots[ResultSlot] = null;
            body.Run(e);
            if (e.Slots[ResultSlot] is { } value)
            {
                return value;
            }
        }

        return null;
    }

    private RegoObject ObjectOf(List<RegoValue> entries, List<RegoValue> members)
    {
        var root = new Branch();
        for (var i = 0; i < entries.Count; i += 2)
        {
            var leaf = root.Find((RegoArray)entries[i], Location);
            if (leaf.HasBelow || leaf.Members is not null || (leaf.Value is not null && !RegoValue.Same(leaf.Value, entries[i + 1])))
            {
                throw Conflict(Location);
            }

            leaf.Value = entries[i + 1];
        }

        for (var i = 0; i < members.Count; i += 2)
        {
            var leaf = root.Find((RegoArray)members[i], Location);
            if (leaf.HasBelow || leaf.Value is not null)
            {
                throw Conflict(Location);
            }

            (leaf.Members ??= []).Add(members[i + 1]);
        }

        return root.ToObject();
    }

    private static RegoEvaluationException Conflict(Location location) => new(RegoEvaluationException.Conflict, location, "object keys must be unique");

    /// <summary>An object while it is being put together.</summary>
    private sealed class Branch
    {
        private SortedDictionary<RegoValue, Branch>? below;

        public RegoValue? Value { get; set; }

        public List<RegoValue>? Members { get; set; }

        public bool HasBelow => below is not null;

        public Branch Find(RegoArray path, Location location)
        {
            var branch = this;
            foreach (var key in path.Items)
            {
                if (branch.Value is not null || branch.Members is not null)
                {
                    throw Conflict(location);
                }

                branch.below ??= new SortedDictionary<RegoValue, Branch>(Comparer<RegoValue>.Create(RegoValue.Compare));
                if (!branch.below.TryGetValue(key, out var next))
                {
                    branch.below.Add(key, next = new Branch());
                }

                branch = next;
            }

            return branch;
        }

        public RegoObject ToObject()
            => below is null ? RegoObject.Empty
                : RegoObject.Of([.. below.Keys], [.. below.Values.Select(b => b.Value ?? (b.Members is { } m ? RegoSet.Of(m) : b.ToObject()))], out _);
    }
}

/// <summary>The end of a rule's body: its value is noted.</summary>
internal sealed class ResultStep(RuleGroup group, Node value, Location location) : Step
{
    private readonly bool isConstant = value is ConstantNode;

    public override bool Run(Evaluation e)
    {
        if (value.Eval(e) is not { } result)
        {
            return true;
        }

        ref var slot = ref e.Slots[group.ResultSlot];
        if (slot is not null && !RegoValue.Same(slot, result))
        {
            throw new RegoEvaluationException(RegoEvaluationException.Conflict, location, group.ConflictText);
        }

        slot = result;
        return !isConstant;
    }
}

/// <summary>The end of the body of a rule that makes an entry of an object.</summary>
internal sealed class EntryStep(int list, Node[] path, Node value) : Step
{
    public override bool Run(Evaluation e)
    {
        e.Spend();
        var keys = new RegoValue[path.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            if (path[i].Eval(e) is not { } key)
            {
                return true;
            }

            keys[i] = key;
        }

        if (value.Eval(e) is { } entry)
        {
            var collected = e.Lists[list]!;
            collected.Add(new RegoArray(keys));
            collected.Add(entry);
        }

        return true;
    }
}
