using System.Runtime.CompilerServices;

namespace DaprK8s.Components.Rego;

/// <summary>A list.</summary>
internal sealed class RegoArray(RegoValue[] items) : RegoValue
{
    /// <summary>Nothing in it.</summary>
    public static readonly RegoArray Empty = new([]);

    /// <summary>The elements; never changed.</summary>
    public RegoValue[] Items { get; } = items;

    public override RegoKind Kind => RegoKind.Array;

    public override int Count => Items.Length;

    public override RegoValue? Get(RegoValue key)
        => key is RegoNumber number && number.TryGetInt(out var index) && (uint)index < (uint)Items.Length ? Items[index] : null;

    protected override int CompareSameKind(RegoValue other) => CompareLists(Items, ((RegoArray)other).Items);

    protected override bool SameAs(RegoValue other) => SameLists(Items, ((RegoArray)other).Items);
}

/// <summary>Distinct values, in their order.</summary>
internal sealed class RegoSet : RegoValue
{
    /// <summary>Nothing in it.</summary>
    public static readonly RegoSet Empty = new([]);

    private RegoSet(RegoValue[] items) => Items = items;

    /// <summary>The elements in order; never changed.</summary>
    public RegoValue[] Items { get; }

    public override RegoKind Kind => RegoKind.Set;

    public override int Count => Items.Length;

    /// <summary>Makes a set of what is in a list, which is sorted for it.</summary>
    public static RegoSet Of(List<RegoValue> items)
    {
        if (items.Count == 0)
        {
            return Empty;
        }

        items.Sort(static (a, b) => Compare(a, b));
        var distinct = 1;
        for (var i = 1; i < items.Count; i++)
        {
            if (!Same(items[i], items[distinct - 1]))
            {
                items[distinct++] = items[i];
            }
        }

        return new RegoSet(items.GetRange(0, distinct).ToArray());
    }

    /// <summary>Takes over a list that is in order and without duplicates.</summary>
    public static RegoSet OfOrdered(RegoValue[] items) => items.Length == 0 ? Empty : new RegoSet(items);

    /// <summary>Whether an element is in it.</summary>
    public bool Contains(RegoValue item) => Ordered.Find(Items, item) >= 0;

    public override RegoValue? Get(RegoValue key) => Contains(key) ? key : null;

    protected override int CompareSameKind(RegoValue other) => CompareLists(Items, ((RegoSet)other).Items);

    protected override bool SameAs(RegoValue other) => SameLists(Items, ((RegoSet)other).Items);
}

/// <summary>Keys with values, in the order of the keys.</summary>
internal sealed class RegoObject : RegoValue
{
    /// <summary>Nothing in it.</summary>
    public static readonly RegoObject Empty = new([], []);

    private RegoObject(RegoValue[] keys, RegoValue[] values)
    {
        Keys = keys;
        Values = values;
    }

    /// <summary>The keys in order; never changed.</summary>
    public RegoValue[] Keys { get; }

    /// <summary>The value of each key; never changed.</summary>
    public RegoValue[] Values { get; }

    public override RegoKind Kind => RegoKind.Object;

    public override int Count => Keys.Length;

    /// <summary>Makes an object; of two equal keys the later one counts.</summary>
    public static RegoObject Of(List<KeyValuePair<RegoValue, RegoValue>> pairs)
    {
        var keys = new RegoValue[pairs.Count];
        var values = new RegoValue[pairs.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            (keys[i], values[i]) = pairs[i];
        }

        return Of(keys, values, out _);
    }

    /// <summary>Takes over keys and values in any order; of two equal keys the later one counts.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="values">Their values.</param>
    /// <param name="conflict">Whether a key came twice with different values.</param>
    public static RegoObject Of(RegoValue[] keys, RegoValue[] values, out bool conflict)
    {
        conflict = false;
        if (keys.Length == 0)
        {
            return Empty;
        }

        if (IsOrdered(keys))
        {
            return new RegoObject(keys, values);
        }

        var order = new int[keys.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) => Compare(keys[a], keys[b]) is var c && c != 0 ? c : a.CompareTo(b));
        List<RegoValue> sortedKeys = new(keys.Length), sortedValues = new(keys.Length);
        foreach (var i in order)
        {
            if (sortedKeys.Count > 0 && Same(sortedKeys[^1], keys[i]))
            {
                conflict |= !Same(sortedValues[^1], values[i]);
                sortedValues[^1] = values[i];
            }
            else
            {
                sortedKeys.Add(keys[i]);
                sortedValues.Add(values[i]);
            }
        }

        return new RegoObject([.. sortedKeys], [.. sortedValues]);
    }

    public override RegoValue? Get(RegoValue key)
    {
        var at = Ordered.Find(Keys, key);
        return at >= 0 ? Values[at] : null;
    }

    /// <summary>The value of a text key.</summary>
    public RegoValue? Get(string key) => Get(new RegoString(key));

    protected override int CompareSameKind(RegoValue other)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var b = (RegoObject)other;
        var shared = Math.Min(Count, b.Count);
        for (var i = 0; i < shared; i++)
        {
            var order = Compare(Keys[i], b.Keys[i]);
            order = order != 0 ? order : Compare(Values[i], b.Values[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return Count.CompareTo(b.Count);
    }

    protected override bool SameAs(RegoValue other)
        => SameLists(Keys, ((RegoObject)other).Keys) && SameLists(Values, ((RegoObject)other).Values);

    private static bool IsOrdered(RegoValue[] keys)
    {
        for (var i = 1; i < keys.Length; i++)
        {
            if (Compare(keys[i - 1], keys[i]) >= 0)
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>Search in a list that is in order.</summary>
internal static class Ordered
{
    /// <summary>The index of an element, negative when it isn't there.</summary>
    public static int Find(RegoValue[] items, RegoValue wanted)
    {
        int low = 0, high = items.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = RegoValue.Compare(items[middle], wanted);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }
}
