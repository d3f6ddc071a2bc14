namespace DaprK8s.Components.Rego;

/// <summary>The functions behind the operators.</summary>
internal static class OperatorFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("equal", "any,any", static (_, a, b) => RegoBoolean.Of(RegoValue.Same(a, b)));
        table.Add("neq", "any,any", static (_, a, b) => RegoBoolean.Of(!RegoValue.Same(a, b)));
        table.Add("lt", "any,any", static (_, a, b) => RegoBoolean.Of(RegoValue.Compare(a, b) < 0));
        table.Add("lte", "any,any", static (_, a, b) => RegoBoolean.Of(RegoValue.Compare(a, b) <= 0));
        table.Add("gt", "any,any", static (_, a, b) => RegoBoolean.Of(RegoValue.Compare(a, b) > 0));
        table.Add("gte", "any,any", static (_, a, b) => RegoBoolean.Of(RegoValue.Compare(a, b) >= 0));
        table.Add("plus", "number,number", static (_, a, b) => RegoNumber.Add((RegoNumber)a, (RegoNumber)b));
        table.Add("minus", "number|set,number|set", static (e, a, b) => (a, b) switch
        {
            (RegoNumber x, RegoNumber y) => RegoNumber.Subtract(x, y),
            (RegoSet x, RegoSet y) => Except(e, x, y),
            _ => null,
        });
        table.Add("mul", "number,number", static (_, a, b) => RegoNumber.Multiply((RegoNumber)a, (RegoNumber)b));
        table.Add("div", "number,number", static (_, a, b) => RegoNumber.Divide((RegoNumber)a, (RegoNumber)b));
        table.Add("rem", "number,number", static (_, a, b) => RegoNumber.Remainder((RegoNumber)a, (RegoNumber)b));
        table.Add("and", "set,set", static (e, a, b) => Intersect(e, (RegoSet)a, (RegoSet)b));
        table.Add("or", "set,set", static (e, a, b) => Unite(e, (RegoSet)a, (RegoSet)b));
        table.Add("set_diff", "set,set", static (e, a, b) => Except(e, (RegoSet)a, (RegoSet)b));
        table.Add("internal.member_2", "any,any", static (e, a, b) => RegoBoolean.Of(Contains(e, b, a)));
        table.Add("internal.member_3", "any,any,any", static (_, a)
            => RegoBoolean.Of(a[2].Get(a[0]) is { } found && RegoValue.Same(found, a[1])));
    }

    /// <summary>What is in both.</summary>
    public static RegoSet Intersect(Evaluation e, RegoSet a, RegoSet b)
    {
        e.Spend(a.Count);
        return RegoSet.OfOrdered(Array.FindAll(a.Items, b.Contains));
    }

    /// <summary>What is in either.</summary>
    public static RegoSet Unite(Evaluation e, RegoSet a, RegoSet b)
    {
        e.Spend(a.Count + b.Count);
        return RegoSet.Of([.. a.Items, .. b.Items]);
    }

    private static RegoSet Except(Evaluation e, RegoSet a, RegoSet b)
    {
        e.Spend(a.Count);
        return RegoSet.OfOrdered(Array.FindAll(a.Items, i => !b.Contains(i)));
    }

    private static bool Contains(Evaluation e, RegoValue collection, RegoValue item)
    {
        e.Spend(collection.Kind == RegoKind.Set ? 1 : collection.Count);
        return collection switch
        {
            RegoSet set => set.Contains(item),
            RegoArray array => Array.Exists(array.Items, i => RegoValue.Same(i, item)),
            RegoObject obj => Array.Exists(obj.Values, i => RegoValue.Same(i, item)),
            _ => false,
        };
    }
}
