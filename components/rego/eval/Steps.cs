namespace DaprK8s.Components.Rego;

/// <summary>
/// One condition of a compiled body. It runs the next step once for each way in which it holds, so a body is enumerated by running
/// its first step; nothing needs undoing, because which variables have values at which step is known beforehand.
/// </summary>
internal abstract class Step
{
    /// <summary>What runs when this one holds; the last step has none.</summary>
    public Step Next { get; set; } = null!;

    /// <summary>Enumerates.</summary>
    /// <returns>Whether there is interest in more.</returns>
    public abstract bool Run(Evaluation e);
}

/// <summary>Holds when a value is neither undefined nor false.</summary>
internal sealed class TestStep(Node node) : Step
{
    public override bool Run(Evaluation e)
    {
        e.Spend();
        return node.Eval(e) is null or RegoBoolean { Value: false } || Next.Run(e);
    }
}

/// <summary>Gives a variable a value; holds when that is defined.</summary>
internal sealed class BindStep(Node node, int slot) : Step
{
    public override bool Run(Evaluation e)
    {
        e.Spend();
        if (node.Eval(e) is not { } value)
        {
            return true;
        }

        e.Slots[slot] = value;
        return Next.Run(e);
    }
}

/// <summary>Holds when a value fits a pattern.</summary>
internal sealed class MatchStep(Node node, Pattern pattern) : Step
{
    public override bool Run(Evaluation e)
    {
        e.Spend();
        return node.Eval(e) is not { } value || !pattern.Match(e, value) || Next.Run(e);
    }
}

/// <summary>Never holds.</summary>
internal sealed class NeverStep : Step
{
    public override bool Run(Evaluation e) => true;
}

/// <summary>Holds for each element of a collection whose key and value fit patterns. In a set, elements are their own keys.</summary>
internal sealed class IterateStep(Node source, Pattern key, Pattern value) : Step
{
    public override bool Run(Evaluation e)
    {
        switch (source.Eval(e))
        {
            case RegoArray array:
                for (var i = 0; i < array.Items.Length; i++)
                {
                    if (!Element(e, key is AnyPattern ? RegoNull.Instance : RegoNumber.Of(i), array.Items[i]))
                    {
                        return false;
                    }
                }

                break;
            case RegoSet set:
                foreach (var item in set.Items)
                {
                    if (!Element(e, item, item))
                    {
                        return false;
                    }
                }

                break;
            case RegoObject obj:
                for (var i = 0; i < obj.Keys.Length; i++)
                {
                    if (!Element(e, obj.Keys[i], obj.Values[i]))
                    {
                        return false;
                    }
                }

                break;
        }

        return true;
    }

    private bool Element(Evaluation e, RegoValue k, RegoValue v)
    {
        e.Spend();
        return !key.Match(e, k) || !value.Match(e, v) || Next.Run(e);
    }
}

/// <summary>Holds when a body does not. The body ends with a <see cref="StopStep"/>.</summary>
internal sealed class NotStep(Step body) : Step
{
    public override bool Run(Evaluation e) => !body.Run(e) || Next.Run(e);
}

/// <summary>Holds when a body holds for each element. The body ends with a <see cref="StopStep"/>.</summary>
internal sealed class EveryStep(Node domain, Pattern key, Pattern value, Step body) : Step
{
    public override bool Run(Evaluation e)
    {
        var all = domain.Eval(e) switch
        {
            RegoArray array => Array(e, array),
            RegoSet set => Lists(e, set.Items, set.Items),
            RegoObject obj => Lists(e, obj.Keys, obj.Values),
            _ => false,
        };
        return !all || Next.Run(e);
    }

    private bool Array(Evaluation e, RegoArray array)
    {
        for (var i = 0; i < array.Items.Length; i++)
        {
            if (!Holds(e, RegoNumber.Of(i), array.Items[i]))
            {
                return false;
            }
        }

        return true;
    }

    private bool Lists(Evaluation e, RegoValue[] keys, RegoValue[] values)
    {
        for (var i = 0; i < keys.Length; i++)
        {
            if (!Holds(e, keys[i], values[i]))
            {
                return false;
            }
        }

        return true;
    }

    private bool Holds(Evaluation e, RegoValue k, RegoValue v)
    {
        e.Spend();
        return key.Match(e, k) && value.Match(e, v) && !body.Run(e);
    }
}

/// <summary>The end of a body that need hold only once.</summary>
internal sealed class StopStep : Step
{
    public override bool Run(Evaluation e) => false;
}

/// <summary>The end of a comprehension's body.</summary>
internal sealed class CollectStep(int list, Node? key, Node value) : Step
{
    public override bool Run(Evaluation e)
    {
        e.Spend();
        var collected = e.Lists[list]!;
        if (key is null)
        {
            if (value.Eval(e) is { } item)
            {
                collected.Add(item);
            }
        }
        else if (key.Eval(e) is { } k && value.Eval(e) is { } v)
        {
            collected.Add(k);
            collected.Add(v);
        }

        return true;
    }
}

/// <summary>Puts other documents in place for the steps up to its <see cref="LeaveStep"/>.</summary>
internal sealed class EnterStep(Replacement[] replacements) : Step
{
    public override bool Run(Evaluation e)
    {
        var outer = e.Scope;
        var inner = outer.Enter();
        e.Spend(1 + e.Program.DocumentCount);
        foreach (var replacement in replacements)
        {
            if (replacement.Value.Eval(e) is not { } value)
            {
                return true;
            }

            replacement.Apply(inner, value);
        }

        e.Scope = inner;
        var more = Next.Run(e);
        e.Scope = outer;
        return more;
    }
}

/// <summary>Puts the former documents back for the steps that follow.</summary>
internal sealed class LeaveStep : Step
{
    public override bool Run(Evaluation e)
    {
        var inner = e.Scope;
        e.Scope = inner.Outer!;
        var more = Next.Run(e);
        e.Scope = inner;
        return more;
    }
}

/// <summary>A value that stands in the place of a document.</summary>
/// <param name="Document">The document, or <see langword="null"/> for the input.</param>
/// <param name="Path">The place within the input.</param>
/// <param name="Value">The value.</param>
internal sealed record Replacement(Document? Document, RegoValue[] Path, Node Value)
{
    /// <summary>Puts the value in place.</summary>
    public void Apply(DocumentScope scope, RegoValue value)
    {
        if (Document is null)
        {
            scope.Input = Patch(scope.Input, Path, value);
        }
        else
        {
            Document.Replace(scope, value);
        }
    }

    /// <summary>A value in which one place, that of a path of keys, holds another value.</summary>
    public static RegoValue Patch(RegoValue? around, ReadOnlySpan<RegoValue> path, RegoValue value)
    {
        if (path.IsEmpty)
        {
            return value;
        }

        var obj = around as RegoObject ?? RegoObject.Empty;
        return RegoObject.Of([.. obj.Keys, path[0]], [.. obj.Values, Patch(obj.Get(path[0]), path[1..], value)], out _);
    }
}
