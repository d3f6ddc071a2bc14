namespace DaprK8s.Components.Rego;

/// <summary>Part of a compiled program that yields at most one value, given the variables it uses.</summary>
internal abstract class Node
{
    /// <summary>The value, or <see langword="null"/> when it is undefined.</summary>
    public abstract RegoValue? Eval(Evaluation e);
}

/// <summary>A constant.</summary>
internal sealed class ConstantNode(RegoValue value) : Node
{
    /// <summary>The value.</summary>
    public RegoValue Value { get; } = value;

    public override RegoValue? Eval(Evaluation e) => Value;
}

/// <summary>A variable.</summary>
internal sealed class SlotNode(int slot) : Node
{
    public override RegoValue? Eval(Evaluation e) => e.Slots[slot];
}

/// <summary>The input document.</summary>
internal sealed class InputNode : Node
{
    public override RegoValue? Eval(Evaluation e) => e.Scope.Input;
}

/// <summary>A document under <c>data</c>.</summary>
internal sealed class DocumentNode(Document document) : Node
{
    public override RegoValue? Eval(Evaluation e) => document.Eval(e);
}

/// <summary>Look-ups by constant keys, one after the other.</summary>
internal sealed class PathNode(Node source, RegoValue[] keys) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        var value = source.Eval(e);
        foreach (var key in keys)
        {
            if (value is null)
            {
                return null;
            }

            value = value.Get(key);
        }

        return value;
    }
}

/// <summary>A look-up by a computed key.</summary>
internal sealed class IndexNode(Node source, Node key) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        e.Spend();
        return source.Eval(e) is { } value && key.Eval(e) is { } k ? value.Get(k) : null;
    }
}

/// <summary>A list.</summary>
internal sealed class ArrayNode(Node[] items) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        var values = new RegoValue[items.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (items[i].Eval(e) is not { } value)
            {
                return null;
            }

            values[i] = value;
        }

        return new RegoArray(values);
    }
}

/// <summary>A set.</summary>
internal sealed class SetNode(Node[] items) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        var values = new List<RegoValue>(items.Length);
        foreach (var item in items)
        {
            if (item.Eval(e) is not { } value)
            {
                return null;
            }

            values.Add(value);
        }

        return RegoSet.Of(values);
    }
}

/// <summary>An object.</summary>
internal sealed class ObjectNode(Node[] keys, Node[] values, Location location) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        var k = new RegoValue[keys.Length];
        var v = new RegoValue[keys.Length];
        for (var i = 0; i < k.Length; i++)
        {
            if (keys[i].Eval(e) is not { } key || values[i].Eval(e) is not { } value)
            {
                return null;
            }

            (k[i], v[i]) = (key, value);
        }

        var made = RegoObject.Of(k, v, out var conflict);
        return conflict ? throw new RegoEvaluationException(RegoEvaluationException.Conflict, location, "object keys must be unique") : made;
    }
}

/// <summary>Whether two values are one, or are not.</summary>
internal sealed class EqualNode(Node left, Node right, bool negated) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        e.Spend();
        return left.Eval(e) is { } l && right.Eval(e) is { } r ? RegoBoolean.Of(RegoValue.Same(l, r) != negated) : null;
    }
}

/// <summary>A comprehension: runs its body to the end and collects.</summary>
internal sealed class ComprehensionNode(RegoKind kind, Step body, int list, Location location) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        var collected = e.List(list);
        body.Run(e);
        e.Spend(collected.Count);
        return kind switch
        {
            RegoKind.Array => new RegoArray([.. collected]),
            RegoKind.Set => RegoSet.Of(collected),
            _ => Pairs(collected),
        };
    }

    private RegoObject Pairs(List<RegoValue> collected)
    {
        var keys = new RegoValue[collected.Count / 2];
        var values = new RegoValue[keys.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            (keys[i], values[i]) = (collected[2 * i], collected[(2 * i) + 1]);
        }

        var made = RegoObject.Of(keys, values, out var conflict);
        return conflict ? throw new RegoEvaluationException(RegoEvaluationException.Conflict, location, "object keys must be unique") : made;
    }
}

/// <summary>A call of a function that the policy defines.</summary>
internal sealed class FunctionNode(RuleGroup function, Node[] arguments) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        var values = new RegoValue[arguments.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (arguments[i].Eval(e) is not { } value)
            {
                return null;
            }

            values[i] = value;
        }

        return function.Call(e, values);
    }
}
