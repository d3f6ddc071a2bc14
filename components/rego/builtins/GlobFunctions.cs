using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Globs: <c>*</c>, <c>**</c>, <c>?</c>, <c>[a-z]</c>, <c>{a,b}</c>, with delimiters that <c>*</c> and <c>?</c> don't cross.</summary>
internal static class GlobFunctions
{
    private const int MaxNesting = 50;

    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("glob.match", "string,null|array,string", static (e, a) => Match(e, StringFunctions.Text(a[0]), a[1], StringFunctions.Text(a[2])));
        table.Add("glob.quote_meta", "string", static (e, a) => StringFunctions.Made(e, Quote(StringFunctions.Text(a))));
    }

    private static RegoBoolean? Match(Evaluation e, string glob, RegoValue delimiters, string text)
    {
        // No list means no delimiters; an empty one, the dot.
        var separators = "";
        if (delimiters is RegoArray array)
        {
            if (!Array.TrueForAll(array.Items, static d => d is RegoString { Value.Length: 1 }))
            {
                return null;
            }

            separators = array.Count == 0 ? "." : string.Concat(array.Items.Select(StringFunctions.Text));
        }

        StringFunctions.Expect(e, 64L + text.Length + glob.Length);
        var pattern = e.Program.Patterns.Other($"g{separators}\0{glob}", () => Translate(glob, separators));
        return pattern is null ? null : RegoBoolean.Of(pattern.Regex.IsMatch(text));
    }

    private static string Quote(string glob)
    {
        var quoted = new StringBuilder();
        foreach (var c in glob)
        {
            _ = "*?\\[]{}".Contains(c, StringComparison.Ordinal) ? quoted.Append('\\').Append(c) : quoted.Append(c);
        }

        return quoted.ToString();
    }

    private static string? Translate(string glob, string separators)
    {
        var single = "[^" + string.Concat(separators.Select(Unit)) + "\\ud800-\\udfff]";
        single = $"(?:[\\ud800-\\udbff][\\udc00-\\udfff]|{single})";
        var pattern = new StringBuilder("\\A");
        var braces = 0;
        for (var at = 0; at < glob.Length; at++)
        {
            switch (glob[at])
            {
                case '*' when at + 1 < glob.Length && glob[at + 1] == '*':
                    at++;
                    pattern.Append("[\\s\\S]*");
                    break;
                case '*':
                    pattern.Append(single).Append('*');
                    break;
                case '?':
                    pattern.Append(single);
                    break;
                case '[':
                    var end = glob.IndexOf(']', at + 1);
                    if (end < 0 || Class(glob[(at + 1)..end]) is not { } set)
                    {
                        return null;
                    }

                    pattern.Append(set);
                    at = end;
                    break;
                case '{':
                    if (++braces > MaxNesting)
                    {
                        return null;
                    }

                    pattern.Append("(?:");
                    break;
                case '}' when braces > 0:
                    braces--;
                    pattern.Append(')');
                    break;
                case ',' when braces > 0:
                    pattern.Append('|');
                    break;
                case '\\' when at + 1 < glob.Length:
                    pattern.Append(Unit(glob[++at]));
                    break;
                default:
                    pattern.Append(Unit(glob[at]));
                    break;
            }
        }

        return braces > 0 ? null : pattern.Append("\\z").ToString();
    }

    /// <summary>Either one range or a list of characters.</summary>
    private static string? Class(string inside)
    {
        var negated = inside.StartsWith('!');
        inside = negated ? inside[1..] : inside;
        if (inside.Length == 0)
        {
            return null;
        }

        var range = inside.Length == 3 && inside[1] == '-';
        if (range && inside[0] > inside[2])
        {
            return null;
        }

        var units = range
            ? Unit(inside[0]) + "-" + Unit(inside[2])
            : string.Concat(inside.Replace("\\", "", StringComparison.Ordinal).Select(Unit));
        return "[" + (negated ? "^" : "") + units + "]";
    }

    private static string Unit(char c) => $"\\u{(int)c:x4}";
}
