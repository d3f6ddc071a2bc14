namespace DaprK8s.Components.Rego;

/// <summary>What a value is compared with, giving values to the variables that have none yet.</summary>
internal abstract class Pattern
{
    /// <summary>Whether the value fits; variables keep what they were given either way.</summary>
    public abstract bool Match(Evaluation e, RegoValue value);
}

/// <summary>Fits anything.</summary>
internal sealed class AnyPattern : Pattern
{
    public override bool Match(Evaluation e, RegoValue value) => true;
}

/// <summary>A variable that has no value yet.</summary>
internal sealed class SlotPattern(int slot) : Pattern
{
    public override bool Match(Evaluation e, RegoValue value)
    {
        e.Slots[slot] = value;
        return true;
    }
}

/// <summary>A known value.</summary>
internal sealed class EqualPattern(Node node) : Pattern
{
    public override bool Match(Evaluation e, RegoValue value) => node.Eval(e) is { } known && RegoValue.Same(known, value);
}

/// <summary>An array of patterns.</summary>
internal sealed class ArrayPattern(Pattern[] items) : Pattern
{
    public override bool Match(Evaluation e, RegoValue value)
    {
        if (value is not RegoArray array || array.Count != items.Length)
        {
            return false;
        }

        for (var i = 0; i < items.Length; i++)
        {
            if (!items[i].Match(e, array.Items[i]))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>An object with exactly these keys.</summary>
internal sealed class ObjectPattern(Node[] keys, Pattern[] values) : Pattern
{
    public override bool Match(Evaluation e, RegoValue value)
    {
        if (value is not RegoObject obj || obj.Count != keys.Length)
        {
            return false;
        }

        for (var i = 0; i < keys.Length; i++)
        {
            if (keys[i].Eval(e) is not { } key || obj.Get(key) is not { } found || !values[i].Match(e, found))
            {
                return false;
            }
        }

        return true;
    }
}
