using System.Globalization;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Reads classes of characters (<c>[^a-z\d[:alpha:]]</c>, <c>\w</c>, <c>\pL</c>), as ranges of code points.</summary>
/// <param name="pattern">The expression they stand in.</param>
/// <param name="ignoreCase">Whether letters of either case are meant.</param>
internal sealed class Re2Class(string pattern, bool ignoreCase)
{
    /// <summary>Any character.</summary>
    public const string Any = "(?:[\\ud800-\\udbff][\\udc00-\\udfff]|[^\\ud800-\\udfff])";

    /// <summary>Any character but a new line.</summary>
    public const string AnyButNewLine = "(?:[\\ud800-\\udbff][\\udc00-\\udfff]|[^\\n\\ud800-\\udfff])";

    private const int Last = 0x10ffff;

    private readonly List<(int From, int To)> ranges = [];
    private readonly StringBuilder categories = new();
    private bool negatedCategory;

    /// <summary>Reads a class in brackets.</summary>
    public string Read(ref int at)
    {
        at++;
        var negated = at < pattern.Length && pattern[at] == '^';
        at += negated ? 1 : 0;
        for (var first = true; first || Current(at) != ']'; first = false)
        {
            if (Current(at) == '[' && at + 1 < pattern.Length && pattern[at + 1] == ':')
            {
                Named(ref at);
            }
            else if (Current(at) != '\\' || !TryShorthand(ref at))
            {
                var from = ReadLiteral(pattern, ref at).Value;
                var to = from;
                if (Current(at) == '-' && at + 1 < pattern.Length && pattern[at + 1] != ']')
                {
                    at++;
                    to = ReadLiteral(pattern, ref at).Value;
                }

                ranges.Add(from <= to ? (from, to) : throw new FormatException());
            }
        }

        at++;
        return Written(negated);
    }

    /// <summary>Reads a class that is written as an escape.</summary>
    public string ReadEscape(ref int at) => TryShorthand(ref at) ? Written(negated: false) : throw new FormatException();

    /// <summary>Reads one character, perhaps escaped.</summary>
    public static Rune ReadLiteral(string pattern, ref int at)
    {
        if (at >= pattern.Length)
        {
            throw new FormatException();
        }

        if (pattern[at] != '\\')
        {
            Rune.DecodeFromUtf16(pattern.AsSpan(at), out var rune, out var length);
            at += length;
            return rune;
        }

        at++;
        var c = at < pattern.Length ? pattern[at++] : throw new FormatException();
        switch (c)
        {
            case 'n':
                return new Rune('\n');
            case 't':
                return new Rune('\t');
            case 'r':
                return new Rune('\r');
            case 'f':
                return new Rune('\f');
            case 'v':
                return new Rune('\v');
            case 'a':
                return new Rune('\a');
            case 'x':
                return Hexadecimal(pattern, ref at);
            case >= '0' and <= '7' when c == '0' || (at < pattern.Length && pattern[at] is >= '0' and <= '7'):
                var code = c - '0';
                for (var i = 0; i < 2 && at < pattern.Length && pattern[at] is >= '0' and <= '7'; i++)
                {
                    code = (code * 8) + pattern[at++] - '0';
                }

                return new Rune(code);
            default:
                return c < 0x80 && !char.IsAsciiLetterOrDigit(c) ? new Rune(c) : throw new FormatException();
        }
    }

    private static Rune Hexadecimal(string pattern, ref int at)
    {
        string digits;
        if (at < pattern.Length && pattern[at] == '{')
        {
            var end = pattern.IndexOf('}', at);
            digits = end < 0 ? "" : pattern[(at + 1)..end];
            at = end + 1;
        }
        else
        {
            digits = pattern.Length - at >= 2 ? pattern.Substring(at, 2) : "";
            at += 2;
        }

        return digits.Length is > 0 and <= 8
            && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && Rune.IsValid(code)
            ? new Rune(code)
            : throw new FormatException();
    }

    private char Current(int at) => at < pattern.Length ? pattern[at] : throw new FormatException();

    private void Named(ref int at)
    {
        var end = pattern.IndexOf(":]", at, StringComparison.Ordinal);
        var name = end < 0 ? "" : pattern[(at + 2)..end];
        var negated = name.StartsWith('^');
        (int, int)[] named = name.TrimStart('^') switch
        {
            "alnum" => [('0', '9'), ('A', 'Z'), ('a', 'z')],
            "alpha" => [('A', 'Z'), ('a', 'z')],
            "ascii" => [(0, 0x7f)],
            "blank" => [('\t', '\t'), (' ', ' ')],
            "cntrl" => [(0, 0x1f), (0x7f, 0x7f)],
            "digit" => [('0', '9')],
            "graph" => [('!', '~')],
            "lower" => [('a', 'z')],
            "print" => [(' ', '~')],
            "punct" => [('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "space" => [('\t', '\r'), (' ', ' ')],
            "upper" => [('A', 'Z')],
            "word" => [('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')],
            "xdigit" => [('0', '9'), ('A', 'F'), ('a', 'f')],
            _ => throw new FormatException(),
        };
        ranges.AddRange(negated ? Complement(named) : named);
        at = end + 2;
    }

    private bool TryShorthand(ref int at)
    {
        var c = at + 1 < pattern.Length ? pattern[at + 1] : throw new FormatException();
        (int, int)[] shorthand;
        switch (char.ToLowerInvariant(c))
        {
            case 'd':
                shorthand = [('0', '9')];
                break;
            case 's':
                shorthand = [('\t', '\n'), ('\f', '\r'), (' ', ' ')];
                break;
            case 'w':
                shorthand = [('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')];
                break;
            case 'p':
                Category(c == 'P', ref at);
                return true;
            default:
                return false;
        }

        ranges.AddRange(char.IsUpper(c) ? Complement(shorthand) : shorthand);
        at += 2;
        return true;
    }

    /// <summary>General categories are what both sides know; scripts aren't.</summary>
    private void Category(bool negated, ref int at)
    {
        at += 2;
        string name;
        if (Current(at) == '{')
        {
            var end = pattern.IndexOf('}', at);
            name = end < 0 ? "" : pattern[(at + 1)..end];
            at = end + 1;
        }
        else
        {
            name = pattern[at++].ToString();
        }

        negated ^= name.StartsWith('^');
        name = name.TrimStart('^');
        if (name is not ("L" or "Lu" or "Ll" or "Lt" or "Lm" or "Lo" or "M" or "Mn" or "Mc" or "Me" or "N" or "Nd" or "Nl" or "No" or "P" or "Pc" or "Pd"
            or "Ps" or "Pe" or "Pi" or "Pf" or "Po" or "S" or "Sm" or "Sc" or "Sk" or "So" or "Z" or "Zs" or "Zl" or "Zp" or "C" or "Cc" or "Cf" or "Co"))
        {
            throw new FormatException();
        }

        categories.Append(negated ? "\\P{" : "\\p{").Append(name).Append('}');
        negatedCategory |= negated;
    }

    private string Written(bool negated)
    {
        if (ignoreCase)
        {
            Fold();
        }

        if (categories.Length > 0)
        {
            // Categories are .NET's, and so only of characters in the basic plane.
            var units = string.Concat(ranges.Select(r => r.To <= 0xffff ? $"\\u{r.From:x4}-\\u{r.To:x4}" : throw new FormatException()));
            var set = negated ? $"[^{categories}{units}\\ud800-\\udfff]" : $"[{categories}{units}]";
            return negated || negatedCategory ? $"(?:[\\ud800-\\udbff][\\udc00-\\udfff]|{set})" : set;
        }

        var written = Units(negated ? Complement(ranges) : Merged(ranges));
        return ignoreCase ? $"(?i:{written})" : written;
    }

    private void Fold()
    {
        foreach (var (from, to) in ranges.ToArray())
        {
            if (to - from > 0x3000)
            {
                continue;
            }

            for (var c = from; c <= Math.Min(to, 0xffff); c++)
            {
                var (lower, upper) = (char.ToLowerInvariant((char)c), char.ToUpperInvariant((char)c));
                ranges.Add((lower, lower));
                ranges.Add((upper, upper));
                if (lower is 'k' or 's')
                {
                    var other = lower == 'k' ? 0x212a : 0x17f;
                    ranges.Add((other, other));
                }
            }
        }
    }

    private static List<(int From, int To)> Merged(IEnumerable<(int From, int To)> ranges)
    {
        List<(int From, int To)> merged = [];
        foreach (var (from, to) in ranges.Order())
        {
            if (merged.Count > 0 && from <= merged[^1].To + 1)
            {
                merged[^1] = (merged[^1].From, Math.Max(to, merged[^1].To));
            }
            else
            {
                merged.Add((from, to));
            }
        }

        return merged;
    }

    private static List<(int From, int To)> Complement(IEnumerable<(int From, int To)> ranges)
    {
        List<(int From, int To)> complement = [];
        var next = 0;
        foreach (var (from, to) in Merged(ranges))
        {
            if (from > next)
            {
                complement.Add((next, from - 1));
            }

            next = to + 1;
        }

        if (next <= Last)
        {
            complement.Add((next, Last));
        }

        return complement;
    }

    /// <summary>Ranges of code points as UTF-16; halves of a pair never match by themselves.</summary>
    private static string Units(List<(int From, int To)> ranges)
    {
        var basic = new StringBuilder();
        List<string> alternatives = [];
        foreach (var (from, to) in ranges)
        {
            Basic(basic, from, Math.Min(to, 0xd7ff));
            Basic(basic, Math.Max(from, 0xe000), Math.Min(to, 0xffff));
            if (to > 0xffff)
            {
                Pairs(alternatives, Math.Max(from, 0x10000), to);
            }
        }

        if (basic.Length > 0)
        {
            alternatives.Insert(0, $"[{basic}]");
        }

        return alternatives.Count switch
        {
            0 => "[^\\s\\S]",
            1 when basic.Length > 0 => alternatives[0],
            _ => $"(?:{string.Join('|', alternatives)})",
        };
    }

    private static void Basic(StringBuilder units, int from, int to)
    {
        if (from <= to)
        {
            units.Append(CultureInfo.InvariantCulture, $"\\u{from:x4}-\\u{to:x4}");
        }
    }

    private static void Pairs(List<string> alternatives, int from, int to)
    {
        int High(int c) => 0xd800 + ((c - 0x10000) >> 10);
        int Low(int c) => 0xdc00 + ((c - 0x10000) & 0x3ff);
        if (High(from) == High(to))
        {
            alternatives.Add($"\\u{High(from):x4}[\\u{Low(from):x4}-\\u{Low(to):x4}]");
            return;
        }

        alternatives.Add($"\\u{High(from):x4}[\\u{Low(from):x4}-\\udfff]");
        alternatives.Add($"\\u{High(to):x4}[\\udc00-\\u{Low(to):x4}]");
        if (High(from) + 1 < High(to))
        {
            alternatives.Add($"[\\u{High(from) + 1:x4}-\\u{High(to) - 1:x4}][\\udc00-\\udfff]");
        }
    }
}
