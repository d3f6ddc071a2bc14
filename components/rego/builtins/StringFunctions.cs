using System.Globalization;
using System.Numerics;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Texts.</summary>
internal static class StringFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("concat", "string,array|set", static (e, a, b) => Concat(e, Text(a), b));
        table.Add("contains", "string,string", static (_, a, b) => RegoBoolean.Of(Text(a).Contains(Text(b), StringComparison.Ordinal)));
        table.Add("startswith", "string,string", static (_, a, b) => RegoBoolean.Of(Text(a).StartsWith(Text(b), StringComparison.Ordinal)));
        table.Add("endswith", "string,string", static (_, a, b) => RegoBoolean.Of(Text(a).EndsWith(Text(b), StringComparison.Ordinal)));
        table.Add("strings.any_prefix_match", "string|array|set,string|array|set", static (e, a, b)
            => AnyMatch(e, a, b, static (s, p) => s.StartsWith(p, StringComparison.Ordinal)));
        table.Add("strings.any_suffix_match", "string|array|set,string|array|set", static (e, a, b)
            => AnyMatch(e, a, b, static (s, p) => s.EndsWith(p, StringComparison.Ordinal)));
        table.Add("strings.count", "string,string", static (e, a, b) => RegoNumber.Of(Count(e, Text(a), Text(b))));
        table.Add("indexof", "string,string", static (_, a, b) => IndexOf(Text(a), Text(b)));
        table.Add("indexof_n", "string,string", static (e, a, b) => IndexesOf(e, Text(a), Text(b)));
        table.Add("lower", "string", static (e, a) => Made(e, Text(a).ToLowerInvariant()));
        table.Add("upper", "string", static (e, a) => Made(e, Text(a).ToUpperInvariant()));
        table.Add("replace", "string,string,string", static (e, a) => Replace(e, Text(a[0]), Text(a[1]), Text(a[2])));
        table.Add("strings.replace_n", "object,string", static (e, a, b) => ReplaceAll(e, (RegoObject)a, Text(b)));
        table.Add("strings.reverse", "string", static (e, a) => Made(e, string.Concat(Text(a).EnumerateRunes().Reverse().Select(r => r.ToString()))));
        table.Add("split", "string,string", static (e, a, b) => Split(e, Text(a), Text(b)));
        table.Add("substring", "string,number,number", static (_, a) => Substring(Text(a[0]), (RegoNumber)a[1], (RegoNumber)a[2]));
        table.Add("format_int", "number,number", static (_, a, b) => FormatInt((RegoNumber)a, (RegoNumber)b));
        table.Add("sprintf", "string,array", static (e, a, b) => Made(e, new TextFormat(e, Text(a), (RegoArray)b).Run()));
    }

    /// <summary>The text of a value that is one.</summary>
    public static string Text(RegoValue value) => ((RegoString)value).Value;

    /// <summary>A text that was just made; its size is counted as work.</summary>
    public static RegoString Made(Evaluation e, string text)
    {
        e.Spend(text.Length / 16);
        return new RegoString(text);
    }

    /// <summary>Refuses a text that would be too large before it is made.</summary>
    public static void Expect(Evaluation e, long length) => e.Spend(length / 16);

    /// <summary>A list of texts; <see langword="null"/> when an element is none.</summary>
    public static RegoArray Texts(Evaluation e, IEnumerable<string> texts)
    {
        var items = texts.Select(RegoValue (t) => new RegoString(t)).ToArray();
        e.Spend(items.Length);
        return new RegoArray(items);
    }

    private static RegoString? Concat(Evaluation e, string separator, RegoValue collection)
    {
        var items = AggregateFunctions.Items(e, collection);
        if (!Array.TrueForAll(items, static i => i is RegoString))
        {
            return null;
        }

        Expect(e, items.Sum(i => (long)Text(i).Length + separator.Length));
        return new RegoString(string.Join(separator, items.Select(Text)));
    }

    private static RegoBoolean? AnyMatch(Evaluation e, RegoValue search, RegoValue wanted, Func<string, string, bool> match)
    {
        RegoValue[] texts = search is RegoString ? [search] : AggregateFunctions.Items(e, search);
        RegoValue[] parts = wanted is RegoString ? [wanted] : AggregateFunctions.Items(e, wanted);
        if (!Array.TrueForAll(texts, static i => i is RegoString) || !Array.TrueForAll(parts, static i => i is RegoString))
        {
            return null;
        }

        e.Spend((long)texts.Length * parts.Length);
        return RegoBoolean.Of(Array.Exists(texts, t => Array.Exists(parts, p => match(Text(t), Text(p)))));
    }

    private static int Count(Evaluation e, string text, string part)
    {
        if (part.Length == 0)
        {
            return CodePoints.Count(text) + 1;
        }

        e.Spend(text.Length / 16);
        var count = 0;
        for (var at = text.IndexOf(part, StringComparison.Ordinal); at >= 0; at = text.IndexOf(part, at + part.Length, StringComparison.Ordinal))
        {
            count++;
        }

        return count;
    }

    private static RegoNumber? IndexOf(string text, string part)
    {
        if (part.Length == 0)
        {
            return null;
        }

        var at = text.IndexOf(part, StringComparison.Ordinal);
        return RegoNumber.Of(at < 0 ? -1 : CodePoints.Count(text.AsSpan(0, at)));
    }

    private static RegoArray? IndexesOf(Evaluation e, string text, string part)
    {
        if (part.Length == 0)
        {
            return null;
        }

        List<RegoValue> found = [];
        int before = 0, counted = 0;
        for (var at = text.IndexOf(part, StringComparison.Ordinal); at >= 0; at = text.IndexOf(part, at + 1, StringComparison.Ordinal))
        {
            e.Spend();
            counted += CodePoints.Count(text.AsSpan(before, at - before));
            before = at;
            found.Add(RegoNumber.Of(counted));
        }

        return new RegoArray([.. found]);
    }

    private static RegoString Replace(Evaluation e, string text, string old, string with)
    {
        if (old.Length > 0)
        {
            Expect(e, text.Length + ((long)Count(e, text, old) * with.Length));
            return new RegoString(text.Replace(old, with, StringComparison.Ordinal));
        }

        Expect(e, text.Length + ((text.Length + 1L) * with.Length));
        var made = new StringBuilder(with);
        foreach (var rune in text.EnumerateRunes())
        {
            made.Append(rune.ToString()).Append(with);
        }

        return new RegoString(made.ToString());
    }

    private static RegoString? ReplaceAll(Evaluation e, RegoObject replacements, string text)
    {
        for (var i = 0; i < replacements.Count; i++)
        {
            if (replacements.Keys[i] is not RegoString || replacements.Values[i] is not RegoString)
            {
                return null;
            }
        }

        var made = new StringBuilder();
        for (var at = 0; at < text.Length;)
        {
            e.Spend(1 + (replacements.Count / 4));
            var hit = Array.FindIndex(replacements.Keys, k => Text(k).Length > 0 && string.CompareOrdinal(text, at, Text(k), 0, Text(k).Length) == 0);
            if (hit < 0)
            {
                made.Append(text[at++]);
                continue;
            }

            Expect(e, Text(replacements.Values[hit]).Length);
            made.Append(Text(replacements.Values[hit]));
            at += Text(replacements.Keys[hit]).Length;
        }

        return new RegoString(made.ToString());
    }

    private static RegoArray Split(Evaluation e, string text, string separator)
        => Texts(e, separator.Length == 0 ? text.EnumerateRunes().Select(r => r.ToString()) : text.Split(separator));

    private static RegoString? Substring(string text, RegoNumber offset, RegoNumber length)
    {
        if (!offset.TryGetInt(out var from) || !length.TryGetInt(out var count) || from < 0)
        {
            return null;
        }

        var start = CodePoints.Offset(text, from);
        var rest = text[start..];
        return new RegoString(count < 0 ? rest : rest[..CodePoints.Offset(rest, count)]);
    }

    private static RegoString? FormatInt(RegoNumber number, RegoNumber numberBase)
    {
        if (!numberBase.TryGetInt(out var radix) || radix is not (2 or 8 or 10 or 16))
        {
            return null;
        }

        return new RegoString(InBase(number.Floor().Big, radix));
    }

    /// <summary>A whole number in a base.</summary>
    public static string InBase(BigInteger number, int radix)
    {
        var size = BigInteger.Abs(number);
        var digits = radix switch
        {
            10 => size.ToString(CultureInfo.InvariantCulture),
            16 => size.ToString("x", CultureInfo.InvariantCulture),
            2 => size.ToString("b", CultureInfo.InvariantCulture),
            _ => Octal(size),
        };
        digits = digits.TrimStart('0');
        return (number.Sign < 0 ? "-" : "") + (digits.Length == 0 ? "0" : digits);
    }

    private static string Octal(BigInteger number)
    {
        List<char> digits = [];
        for (; !number.IsZero; number >>= 3)
        {
            digits.Insert(0, (char)('0' + (int)(number & 7)));
        }

        return new string([.. digits]);
    }
}
