namespace DaprK8s.Components.Rego;

/// <summary>Arrays and sets.</summary>
internal static class CollectionFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("array.concat", "array,array", static (e, a, b) =>
        {
            e.Spend(a.Count + b.Count);
            return new RegoArray([.. ((RegoArray)a).Items, .. ((RegoArray)b).Items]);
        });
        table.Add("array.slice", "array,number,number", static (e, a) => Slice(e, (RegoArray)a[0], (RegoNumber)a[1], (RegoNumber)a[2]));
        table.Add("array.reverse", "array", static (e, a) => new RegoArray([.. AggregateFunctions.Items(e, a).Reverse()]));
        table.Add("union", "set", static (e, a) => Merge(e, (RegoSet)a, OperatorFunctions.Unite));
        table.Add("intersection", "set", static (e, a) => Merge(e, (RegoSet)a, OperatorFunctions.Intersect));
    }

    private static RegoArray? Slice(Evaluation e, RegoArray array, RegoNumber from, RegoNumber to)
    {
        if (!from.TryGetInt(out var start) || !to.TryGetInt(out var end))
        {
            return null;
        }

        start = Math.Max(start, 0);
        end = Math.Min(end, array.Count);
        if (start >= end)
        {
            return RegoArray.Empty;
        }

        e.Spend(end - start);
        return new RegoArray(array.Items[start..end]);
    }

    private static RegoSet? Merge(Evaluation e, RegoSet sets, Func<Evaluation, RegoSet, RegoSet, RegoSet> operation)
    {
        RegoSet? merged = null;
        foreach (var item in sets.Items)
        {
            if (item is not RegoSet set)
            {
                return null;
            }

            merged = merged is null ? set : operation(e, merged, set);
        }

        return merged ?? RegoSet.Empty;
    }
}
