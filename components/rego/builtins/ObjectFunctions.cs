namespace DaprK8s.Components.Rego;

/// <summary>Objects.</summary>
internal static class ObjectFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("object.get", "object,any,any", static (e, a) => Get((RegoObject)a[0], a[1], a[2]));
        table.Add("object.keys", "object", static (e, a) =>
        {
            e.Spend(a.Count);
            return RegoSet.OfOrdered(((RegoObject)a).Keys);
        });
        table.Add("object.remove", "object,array|object|set", static (e, a, b) => Select(e, (RegoObject)a, b, keep: false));
        table.Add("object.filter", "object,array|object|set", static (e, a, b) => Select(e, (RegoObject)a, b, keep: true));
        table.Add("object.union", "object,object", static (e, a, b) => Union(e, (RegoObject)a, (RegoObject)b));
        table.Add("object.union_n", "array", static (e, a) => UnionAll(e, (RegoArray)a));
        table.Add("object.subset", "array|object|set,array|object|set", static (e, a, b) => Subset(e, a, b));
        table.Add("json.filter", "object,array|set", static (e, a, b) => Paths(e, b) is { } tree ? Filter(e, a, tree) : null);
        table.Add("json.remove", "object,array|set", static (e, a, b) => Paths(e, b) is { } tree ? Remove(e, a, tree) : null);
    }

    private static RegoValue? Get(RegoObject obj, RegoValue key, RegoValue otherwise)
    {
        if (key is not RegoArray path)
        {
            return obj.Get(key) ?? otherwise;
        }

        RegoValue? at = obj;
        foreach (var part in path.Items)
        {
            at = at?.Get(part);
        }

        return at ?? otherwise;
    }

    private static RegoObject Select(Evaluation e, RegoObject obj, RegoValue keys, bool keep)
    {
        e.Spend(obj.Count + keys.Count);
        var wanted = keys switch
        {
            RegoSet set => set,
            RegoArray array => RegoSet.Of([.. array.Items]),
            _ => RegoSet.OfOrdered(((RegoObject)keys).Keys),
        };
        List<KeyValuePair<RegoValue, RegoValue>> pairs = [];
        for (var i = 0; i < obj.Count; i++)
        {
            if (wanted.Contains(obj.Keys[i]) == keep)
            {
                pairs.Add(new(obj.Keys[i], obj.Values[i]));
            }
        }

        return RegoObject.Of(pairs);
    }

    private static RegoObject Union(Evaluation e, RegoObject a, RegoObject b)
    {
        e.Spend(a.Count + b.Count);
        List<KeyValuePair<RegoValue, RegoValue>> pairs = [];
        for (var i = 0; i < a.Count; i++)
        {
            var other = b.Get(a.Keys[i]);
            pairs.Add(new(a.Keys[i], a.Values[i] is RegoObject x && other is RegoObject y ? Union(e, x, y) : other ?? a.Values[i]));
        }

        for (var i = 0; i < b.Count; i++)
        {
            if (a.Get(b.Keys[i]) is null)
            {
                pairs.Add(new(b.Keys[i], b.Values[i]));
            }
        }

        return RegoObject.Of(pairs);
    }

    private static RegoObject? UnionAll(Evaluation e, RegoArray objects)
    {
        var merged = RegoObject.Empty;
        foreach (var item in objects.Items)
        {
            if (item is not RegoObject obj)
            {
                return null;
            }

            merged = Union(e, merged, obj);
        }

        return merged;
    }

    private static RegoBoolean? Subset(Evaluation e, RegoValue super, RegoValue sub)
    {
        e.Spend(super.Count + sub.Count);
        return (super, sub) switch
        {
            (RegoObject a, RegoObject b) => RegoBoolean.Of(Holds(e, a, b)),
            (RegoSet a, RegoSet b) => RegoBoolean.Of(Array.TrueForAll(b.Items, a.Contains)),
            (RegoArray a, RegoArray b) => RegoBoolean.Of(HoldsRun(e, a.Items, b.Items)),
            (RegoArray a, RegoSet b) => RegoBoolean.Of(RegoSet.Of([.. a.Items]) is var all && Array.TrueForAll(b.Items, all.Contains)),
            _ => null,
        };
    }

    private static bool Holds(Evaluation e, RegoValue super, RegoValue sub)
    {
        e.Spend();
        return (super, sub) switch
        {
            (RegoObject a, RegoObject b) => Enumerable.Range(0, b.Count).All(i => a.Get(b.Keys[i]) is { } value && Holds(e, value, b.Values[i])),
            (RegoSet a, RegoSet b) => Array.TrueForAll(b.Items, a.Contains),
            (RegoArray a, RegoArray b) => HoldsRun(e, a.Items, b.Items),
            _ => RegoValue.Same(super, sub),
        };
    }

    private static bool HoldsRun(Evaluation e, RegoValue[] all, RegoValue[] run)
    {
        for (var start = 0; start + run.Length <= all.Length; start++)
        {
            e.Spend(1 + run.Length);
            if (all.AsSpan(start, run.Length).SequenceEqual(run, SameValue.Instance))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Paths as a tree; <see langword="null"/> when something is no path. A path is an array or a text with slashes.</summary>
    private static PathTree? Paths(Evaluation e, RegoValue paths)
    {
        var tree = new PathTree();
        foreach (var path in AggregateFunctions.Items(e, paths))
        {
            switch (path)
            {
                case RegoArray array:
                    tree.Add(array.Items);
                    break;
                case RegoString text:
                    tree.Add(Array.ConvertAll(
                        text.Value.TrimStart('/').Split('/'),
                        RegoValue (p) => new RegoString(p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))));
                    break;
                default:
                    return null;
            }
        }

        return tree;
    }

    private static RegoValue Filter(Evaluation e, RegoValue value, PathTree tree)
    {
        e.Spend(1 + value.Count);
        switch (value)
        {
            case var _ when tree.IsEnd:
                return value;
            case RegoObject obj:
                List<KeyValuePair<RegoValue, RegoValue>> pairs = [];
                for (var i = 0; i < obj.Count; i++)
                {
                    if (tree.Below(obj.Keys[i]) is { } below)
                    {
                        pairs.Add(new(obj.Keys[i], Filter(e, obj.Values[i], below)));
                    }
                }

                return RegoObject.Of(pairs);
            case RegoSet set:
                return RegoSet.Of([.. set.Items.Where(i => tree.Below(i) is not null).Select(i => Filter(e, i, tree.Below(i)!))]);
            case RegoArray array:
                var kept = array.Items.Select((v, i) => (Value: v, Below: tree.Below(i))).Where(p => p.Below is not null);
                return new RegoArray([.. kept.Select(p => Filter(e, p.Value, p.Below!))]);
            default:
                return value;
        }
    }

    private static RegoValue? Remove(Evaluation e, RegoValue value, PathTree tree)
    {
        e.Spend(1 + value.Count);
        switch (value)
        {
            case var _ when tree.IsEnd:
                return null;
            case RegoObject obj:
                List<KeyValuePair<RegoValue, RegoValue>> pairs = [];
                for (var i = 0; i < obj.Count; i++)
                {
                    var left = tree.Below(obj.Keys[i]) is { } below ? Remove(e, obj.Values[i], below) : obj.Values[i];
                    if (left is not null)
                    {
                        pairs.Add(new(obj.Keys[i], left));
                    }
                }

                return RegoObject.Of(pairs);
            case RegoSet set:
                return RegoSet.Of([.. set.Items.Select(i => tree.Below(i) is { } below ? Remove(e, i, below) : i).OfType<RegoValue>()]);
            case RegoArray array:
                return new RegoArray([.. array.Items.Select((v, i) => tree.Below(i) is { } below ? Remove(e, v, below) : v).OfType<RegoValue>()]);
            default:
                return value;
        }
    }

    private sealed class PathTree
    {
        private readonly SortedDictionary<RegoValue, PathTree> below = new(Comparer<RegoValue>.Create(RegoValue.Compare));

        public bool IsEnd { get; private set; }

        public void Add(ReadOnlySpan<RegoValue> path)
        {
            if (path.IsEmpty)
            {
                IsEnd = true;
                return;
            }

            if (!below.TryGetValue(path[0], out var next))
            {
                below.Add(path[0], next = new PathTree());
            }

            next.Add(path[1..]);
        }

        public PathTree? Below(RegoValue key) => below.GetValueOrDefault(key);

        /// <summary>An array's index may be written as a number or as its digits.</summary>
        public PathTree? Below(int index)
            => Below(RegoNumber.Of(index)) ?? Below(new RegoString(index.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    private sealed class SameValue : IEqualityComparer<RegoValue>
    {
        public static readonly SameValue Instance = new();

        public bool Equals(RegoValue? a, RegoValue? b) => RegoValue.Same(a!, b!);

        public int GetHashCode(RegoValue value) => (int)value.Kind;
    }
}
