namespace DaprK8s.Components.Rego;

/// <summary>Walks through values and graphs.</summary>
internal static class GraphFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("walk", "any", static (e, a) =>
        {
            List<RegoValue> found = [];
            Walk(e, a, [], found);
            return new RegoArray([.. found]);
        });
        table.Add("graph.reachable", "object,array|set", static (e, a, b) => Reachable(e, (RegoObject)a, b));
    }

    private static void Walk(Evaluation e, RegoValue value, RegoValue[] path, List<RegoValue> found)
    {
        e.Spend(1 + path.Length);
        found.Add(new RegoArray([new RegoArray(path), value]));
        switch (value)
        {
            case RegoArray array:
                for (var i = 0; i < array.Count; i++)
                {
                    Walk(e, array.Items[i], [.. path, RegoNumber.Of(i)], found);
                }

                break;
            case RegoSet set:
                foreach (var item in set.Items)
                {
                    Walk(e, item, [.. path, item], found);
                }

                break;
            case RegoObject obj:
                for (var i = 0; i < obj.Count; i++)
                {
                    Walk(e, obj.Values[i], [.. path, obj.Keys[i]], found);
                }

                break;
        }
    }

    private static RegoSet Reachable(Evaluation e, RegoObject graph, RegoValue start)
    {
        var seen = new SortedSet<RegoValue>(Comparer<RegoValue>.Create(RegoValue.Compare));
        var queue = new Queue<RegoValue>(AggregateFunctions.Items(e, start));
        while (queue.TryDequeue(out var vertex))
        {
            e.Spend();
            if (graph.Get(vertex) is not { } edges || !seen.Add(vertex))
            {
                continue;
            }

            if (edges is RegoArray or RegoSet)
            {
                foreach (var next in AggregateFunctions.Items(e, edges))
                {
                    queue.Enqueue(next);
                }
            }
        }

        return RegoSet.OfOrdered([.. seen]);
    }
}
