using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>One value of many.</summary>
internal static class AggregateFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("count", "string|array|object|set", static (_, a) => RegoNumber.Of(a is RegoString s ? CodePoints.Count(s.Value) : a.Count));
        table.Add("sum", "array|set", static (e, a) => Fold(e, a, RegoNumber.Of(0), RegoNumber.Add));
        table.Add("product", "array|set", static (e, a) => Fold(e, a, RegoNumber.Of(1), RegoNumber.Multiply));
        table.Add("max", "array|set", static (e, a) => Extreme(e, a, 1));
        table.Add("min", "array|set", static (e, a) => Extreme(e, a, -1));
        table.Add("sort", "array|set", static (e, a) => Sort(e, a));
        table.Add("any", "array|set", static (e, a) => RegoBoolean.Of(Array.Exists(Items(e, a), static i => i is RegoBoolean { Value: true })));
        table.Add("all", "array|set", static (e, a) => RegoBoolean.Of(Array.TrueForAll(Items(e, a), static i => i is RegoBoolean { Value: true })));
    }

    /// <summary>The elements of an array or a set; they are counted as work.</summary>
    public static RegoValue[] Items(Evaluation e, RegoValue collection)
    {
        e.Spend(collection.Count);
        return collection is RegoArray array ? array.Items : ((RegoSet)collection).Items;
    }

    private static RegoNumber? Fold(Evaluation e, RegoValue collection, RegoNumber start, Func<RegoNumber, RegoNumber, RegoNumber> operation)
    {
        foreach (var item in Items(e, collection))
        {
            if (item is not RegoNumber number)
            {
                return null;
            }

            start = operation(start, number);
        }

        return start;
    }

    private static RegoValue? Extreme(Evaluation e, RegoValue collection, int sign)
    {
        RegoValue? extreme = null;
        foreach (var item in Items(e, collection))
        {
            if (extreme is null || RegoValue.Compare(item, extreme) * sign > 0)
            {
                extreme = item;
            }
        }

        return extreme;
    }

    private static RegoArray Sort(Evaluation e, RegoValue collection)
    {
        if (collection is RegoSet set)
        {
            return new RegoArray(set.Items);
        }

        RegoValue[] sorted = [.. Items(e, collection)];
        Array.Sort(sorted, RegoValue.Compare);
        return new RegoArray(sorted);
    }
}

/// <summary>Texts as sequences of code points, which is how the language counts them.</summary>
internal static class CodePoints
{
    /// <summary>How many there are.</summary>
    public static int Count(ReadOnlySpan<char> text)
    {
        var count = text.Length;
        for (var i = 1; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i - 1], text[i]))
            {
                count--;
            }
        }

        return count;
    }

    /// <summary>The UTF-16 index of the code point of an index; the length when there are fewer.</summary>
    public static int Offset(string text, int index)
    {
        var at = 0;
        while (index > 0 && at < text.Length)
        {
            at += Rune.TryGetRuneAt(text, at, out var rune) ? rune.Utf16SequenceLength : 1;
            index--;
        }

        return at;
    }
}
