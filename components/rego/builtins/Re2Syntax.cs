using System.Globalization;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>
/// Translates a regular expression of the reference (RE2) into one of .NET that means the same on UTF-16 texts and suits the engine
/// that doesn't go back. What can't be translated is refused, never taken for something else.
/// </summary>
internal sealed class Re2Syntax
{
    private const int MaxNesting = 100;
    private const int MaxRepeat = 1000;
    private const long MaxSize = 20_000;

    private readonly string pattern;
    private readonly List<string> names = [""];
    private int at;
    private int depth;

    private Re2Syntax(string pattern) => this.pattern = pattern;

    private bool AtEnd => at == pattern.Length;

    /// <summary>Translates.</summary>
    /// <param name="pattern">The expression.</param>
    /// <param name="translated">The same for .NET; all its groups are numbered ones.</param>
    /// <param name="names">The groups' names by number; empty ones have none.</param>
    /// <returns>Whether it could be done.</returns>
    public static bool TryTranslate(string pattern, out string translated, out string[] names)
    {
        var syntax = new Re2Syntax(pattern);
        try
        {
            var flags = default(Flags);
            translated = syntax.Alternatives(ref flags).Text;
            names = [.. syntax.names];
            return syntax.AtEnd;
        }
        catch (FormatException)
        {
            translated = "";
            names = [];
            return false;
        }
    }

    private static FormatException Invalid() => new();

    private Piece Alternatives(ref Flags flags)
    {
        if (++depth > MaxNesting)
        {
            throw Invalid();
        }

        var text = new StringBuilder();
        long size = 1;
        while (!AtEnd && pattern[at] != ')')
        {
            if (pattern[at] == '|')
            {
                at++;
                text.Append('|');
                continue;
            }

            var piece = Repeated(ref flags);
            text.Append(piece.Text);
            size += piece.Size;
            if (size > MaxSize)
            {
                throw Invalid();
            }
        }

        depth--;
        return new Piece(text.ToString(), size);
    }

    private Piece Repeated(ref Flags flags)
    {
        var piece = Atom(ref flags);
        if (AtEnd || Repeat() is not { } repeat)
        {
            return piece;
        }

        if (piece.Text.Length == 0)
        {
            throw Invalid();
        }

        var lazy = !AtEnd && pattern[at] == '?';
        at += lazy ? 1 : 0;
        if (!AtEnd && Repeat() is not null)
        {
            throw Invalid();
        }

        var size = piece.Size * Math.Max(1, repeat.Times);
        return size > MaxSize ? throw Invalid() : new Piece($"(?:{piece.Text}){repeat.Text}{(lazy ? "?" : "")}", size);
    }

    private (string Text, int Times)? Repeat()
    {
        switch (pattern[at])
        {
            case '*' or '+' or '?':
                return (pattern[at++].ToString(), 1);
            case '{':
                var end = pattern.IndexOf('}', at);
                var bounds = end < 0 ? [] : pattern[(at + 1)..end].Split(',');
                if (bounds.Length is 0 or > 2 || bounds[0].Length == 0 || !bounds.All(b => b.All(char.IsAsciiDigit)))
                {
                    return null;
                }

                var most = 0;
                foreach (var bound in bounds.Where(b => b.Length > 0))
                {
                    if (bound.Length > 4 || (most = Math.Max(most, int.Parse(bound, CultureInfo.InvariantCulture))) > MaxRepeat)
                    {
                        throw Invalid();
                    }
                }

                if (bounds is [var low, { Length: > 0 } high] && int.Parse(low, CultureInfo.InvariantCulture) > int.Parse(high, CultureInfo.InvariantCulture))
                {
                    throw Invalid();
                }

                var text = pattern[at..(end + 1)];
                at = end + 1;
                return (text, most);
            default:
                return null;
        }
    }

    private Piece Atom(ref Flags flags)
    {
        var c = pattern[at];
        switch (c)
        {
            case '*' or '+' or '?':
                throw Invalid();
            case '(':
                return Group(ref flags);
            case '[':
                return new Piece(new Re2Class(pattern, flags.IgnoreCase).Read(ref at), 2);
            case '.':
                at++;
                return new Piece(flags.DotAll ? Re2Class.Any : Re2Class.AnyButNewLine, 2);
            case '^':
                at++;
                return new Piece(flags.MultiLine ? "(?m:^)" : "\\A", 1);
            case '$':
                at++;
                return new Piece(flags.MultiLine ? "(?m:$)" : "\\z", 1);
            case '\\':
                return Escape(flags);
            default:
                Rune.DecodeFromUtf16(pattern.AsSpan(at), out var rune, out var length);
                at += length;
                return Literal(rune, flags);
        }
    }

    private Piece Escape(Flags flags)
    {
        if (at + 1 == pattern.Length)
        {
            throw Invalid();
        }

        switch (pattern[at + 1])
        {
            case 'A' or 'z' or 'b' or 'B':
                at += 2;
                return new Piece("\\" + pattern[at - 1], 1);
            case 'Q':
                return Quoted(flags);
            case 'd' or 'D' or 's' or 'S' or 'w' or 'W' or 'p' or 'P':
                return new Piece(new Re2Class(pattern, flags.IgnoreCase).ReadEscape(ref at), 2);
            default:
                return Literal(Re2Class.ReadLiteral(pattern, ref at), flags);
        }
    }

    private Piece Quoted(Flags flags)
    {
        var end = pattern.IndexOf("\\E", at + 2, StringComparison.Ordinal);
        var text = end < 0 ? pattern[(at + 2)..] : pattern[(at + 2)..end];
        at = end < 0 ? pattern.Length : end + 2;
        return new Piece("(?:" + string.Concat(text.EnumerateRunes().Select(r => Literal(r, flags).Text)) + ")", text.Length);
    }

    private static Piece Literal(Rune rune, Flags flags)
    {
        var text = string.Concat(rune.ToString().Select(u => $"\\u{(int)u:x4}"));
        text = text.Length > 6 ? $"(?:{text})" : text;
        return new Piece(flags.IgnoreCase ? $"(?i:{text})" : text, 1);
    }

    private Piece Group(ref Flags flags)
    {
        at++;
        var inner = flags;
        var open = "(";
        if (!AtEnd && pattern[at] == '?')
        {
            at++;
            if (Name() is { } name)
            {
                names.Add(name);
            }
            else if (!Options(ref inner))
            {
                // Options up to the end of the group they stand in.
                flags = inner;
                return new Piece("", 0);
            }
            else
            {
                open = "(?:";
            }
        }
        else
        {
            names.Add("");
        }

        var body = Alternatives(ref inner);
        if (AtEnd)
        {
            throw Invalid();
        }

        at++;
        return new Piece(open + body.Text + ")", body.Size + 1);
    }

    private string? Name()
    {
        var rest = pattern.AsSpan(at);
        var start = rest.StartsWith("P<", StringComparison.Ordinal) ? at + 2 : rest.StartsWith("<", StringComparison.Ordinal) ? at + 1 : -1;
        if (start < 0)
        {
            return null;
        }

        var end = pattern.IndexOf('>', start);
        var name = end < 0 ? "" : pattern[start..end];
        if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || names.Contains(name))
        {
            throw Invalid();
        }

        at = end + 1;
        return name;
    }

    /// <summary>Reads options.</summary>
    /// <returns>Whether they are for a group that follows.</returns>
    private bool Options(ref Flags flags)
    {
        var on = true;
        while (!AtEnd)
        {
            switch (pattern[at++])
            {
                case ':':
                    return true;
                case ')':
                    return false;
                case '-' when on:
                    on = false;
                    break;
                case 'i':
                    flags.IgnoreCase = on;
                    break;
                case 'm':
                    flags.MultiLine = on;
                    break;
                case 's':
                    flags.DotAll = on;
                    break;
                default:
                    throw Invalid();
            }
        }

        throw Invalid();
    }

    private record struct Flags(bool IgnoreCase, bool MultiLine, bool DotAll);

    private readonly record struct Piece(string Text, long Size);
}
