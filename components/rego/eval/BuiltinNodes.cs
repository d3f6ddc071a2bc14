namespace DaprK8s.Components.Rego;

/// <summary>A call of a built-in function of one argument.</summary>
internal sealed class UnaryNode(Builtin builtin, Func<Evaluation, RegoValue, RegoValue?> body, Node argument) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        e.Spend();
        return argument.Eval(e) is { } a && builtin.Takes(0, a) ? body(e, a) : null;
    }
}

/// <summary>A call of a built-in function of two arguments.</summary>
internal sealed class BinaryNode(Builtin builtin, Func<Evaluation, RegoValue, RegoValue, RegoValue?> body, Node first, Node second) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        e.Spend();
        return first.Eval(e) is { } a && second.Eval(e) is { } b && builtin.Takes(0, a) && builtin.Takes(1, b) ? body(e, a, b) : null;
    }
}

/// <summary>A call of a built-in function of any number of arguments.</summary>
internal sealed class CallNode(Builtin builtin, Func<Evaluation, RegoValue[], RegoValue?> body, Node[] arguments) : Node
{
    public override RegoValue? Eval(Evaluation e)
    {
        e.Spend();
        var values = new RegoValue[arguments.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (arguments[i].Eval(e) is not { } value || !builtin.Takes(i, value))
            {
                return null;
            }

            values[i] = value;
        }

        return body(e, values);
    }
}
