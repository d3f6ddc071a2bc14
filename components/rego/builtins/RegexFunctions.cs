using System.Text;
using System.Text.RegularExpressions;

namespace DaprK8s.Components.Rego;

/// <summary>Regular expressions; their cost is linear in the text.</summary>
internal static class RegexFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("regex.match", "string,string", static (e, a, b) => Match(e, a, b));
        table.Add("re_match", "string,string", static (e, a, b) => Match(e, a, b));
        table.Add("regex.is_valid", "any", static (_, a) => RegoBoolean.Of(a is RegoString s && Re2Syntax.TryTranslate(s.Value, out string _, out string[] _)));
        table.Add("regex.split", "string,string", static (e, a, b) => Split(e, a, StringFunctions.Text(b)));
        table.Add("regex.find_n", "string,string,number", static (e, a) => Find(e, a, static (_, m) => new RegoString(m.Value)));
        table.Add("regex.find_all_string_submatch_n", "string,string,number", static (e, a)
            => Find(e, a, static (e, m) => StringFunctions.Texts(e, m.Groups.Values.Select(g => g.Value))));
        table.Add("regex.replace", "string,string,string", static (e, a) => Replace(e, StringFunctions.Text(a[0]), a[1], StringFunctions.Text(a[2])));
        table.Add("regex.template_match", "string,string,string,string", static (e, a) => TemplateMatch(e, Array.ConvertAll(a, StringFunctions.Text)));
    }

    /// <summary>The argument that holds the expression, for a function that takes one; negative for others.</summary>
    public static int PatternArgument(string function) => function switch
    {
        "regex.match" or "re_match" or "regex.split" or "regex.find_n" or "regex.find_all_string_submatch_n" => 0,
        "regex.replace" => 1,
        _ => -1,
    };

    private static CompiledPattern? Pattern(Evaluation e, RegoValue pattern, int textLength)
    {
        StringFunctions.Expect(e, 64L + textLength);
        return e.Program.Patterns.Regex(StringFunctions.Text(pattern));
    }

    private static RegoBoolean? Match(Evaluation e, RegoValue pattern, RegoValue text)
        => Pattern(e, pattern, StringFunctions.Text(text).Length) is { } p ? RegoBoolean.Of(p.Regex.IsMatch(StringFunctions.Text(text))) : null;

    /// <summary>All matches, without an empty one right after another match.</summary>
    private static IEnumerable<Match> Matches(Evaluation e, CompiledPattern pattern, string text)
    {
        var end = -1;
        foreach (Match match in pattern.Regex.Matches(text))
        {
            e.Spend();
            if (match.Length > 0 || match.Index != end)
            {
                end = match.Index + match.Length;
                yield return match;
            }
        }
    }

    private static RegoArray? Split(Evaluation e, RegoValue pattern, string text)
    {
        if (Pattern(e, pattern, text.Length) is not { } p)
        {
            return null;
        }

        List<string> pieces = [];
        var start = 0;
        foreach (var match in Matches(e, p, text))
        {
            // Empty matches at either end separate nothing.
            if (match.Index + match.Length > 0 && (match.Length > 0 || match.Index < text.Length))
            {
                pieces.Add(text[start..match.Index]);
                start = match.Index + match.Length;
            }
        }

        pieces.Add(text[start..]);
        return StringFunctions.Texts(e, pieces);
    }

    private static RegoArray? Find(Evaluation e, RegoValue[] arguments, Func<Evaluation, Match, RegoValue> result)
    {
        var text = StringFunctions.Text(arguments[1]);
        if (!((RegoNumber)arguments[2]).TryGetInt(out var most) || Pattern(e, arguments[0], text.Length) is not { } p)
        {
            return null;
        }

        return new RegoArray([.. Matches(e, p, text).Take(most < 0 ? int.MaxValue : most).Select(m => result(e, m))]);
    }

    private static RegoString? Replace(Evaluation e, string text, RegoValue pattern, string replacement)
    {
        if (Pattern(e, pattern, text.Length) is not { } p)
        {
            return null;
        }

        var made = new StringBuilder();
        var start = 0;
        foreach (var match in Matches(e, p, text))
        {
            StringFunctions.Expect(e, 16L + replacement.Length + match.Length);
            made.Append(text, start, match.Index - start);
            Expand(made, replacement, match, p.Names);
            start = match.Index + match.Length;
        }

        return StringFunctions.Made(e, made.Append(text, start, text.Length - start).ToString());
    }

    /// <summary>Puts groups in the place of <c>$1</c>, <c>$name</c>, <c>${name}</c>; <c>$$</c> is a dollar.</summary>
    private static void Expand(StringBuilder made, string replacement, Match match, string[] names)
    {
        for (var at = 0; at < replacement.Length; at++)
        {
            if (replacement[at] != '$')
            {
                made.Append(replacement[at]);
                continue;
            }

            if (at + 1 < replacement.Length && replacement[at + 1] == '$')
            {
                made.Append('$');
                at++;
                continue;
            }

            var braces = at + 1 < replacement.Length && replacement[at + 1] == '{';
            var start = at + (braces ? 2 : 1);
            var end = start;
            while (end < replacement.Length && (char.IsLetterOrDigit(replacement[end]) || replacement[end] == '_'))
            {
                end++;
            }

            if (end == start || (braces && (end == replacement.Length || replacement[end] != '}')))
            {
                made.Append('$');
                continue;
            }

            var name = replacement[start..end];
            var group = int.TryParse(name, System.Globalization.NumberStyles.None, null, out var number) ? number : Array.IndexOf(names, name);
            made.Append(group >= 0 && group < match.Groups.Count ? match.Groups[group].Value : "");
            at = braces ? end : end - 1;
        }
    }

    /// <summary>A text in which regular expressions stand between delimiters.</summary>
    private static RegoBoolean? TemplateMatch(Evaluation e, string[] a)
    {
        var (template, text, open, close) = (a[0], a[1], a[2], a[3]);
        if (open.Length != 1 || close.Length != 1)
        {
            return null;
        }

        var pattern = new StringBuilder("^");
        var at = 0;
        while (at < template.Length)
        {
            var start = template.IndexOf(open, at, StringComparison.Ordinal);
            var literal = start < 0 ? template[at..] : template[at..start];
            if (literal.Contains(close, StringComparison.Ordinal))
            {
                return null;
            }

            pattern.Append(string.Concat(literal.EnumerateRunes().Select(r => $"\\x{{{r.Value:x}}}")));
            if (start < 0)
            {
                break;
            }

            var level = 1;
            var end = start + 1;
            for (; end < template.Length && level > 0; end++)
            {
                level += template[end] == open[0] && open != close ? 1 : template[end] == close[0] ? -1 : 0;
            }

            if (level > 0)
            {
                return null;
            }

            pattern.Append('(').Append(template, start + 1, end - start - 2).Append(')');
            at = end;
        }

        return Pattern(e, new RegoString(pattern.Append('$').ToString()), text.Length) is { } p ? RegoBoolean.Of(p.Regex.IsMatch(text)) : null;
    }
}
