using System.Globalization;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Cuts the text of a policy into tokens.</summary>
internal sealed class Lexer
{
    // Longer ones first where one begins with another.
    private static readonly string[] Symbols =
    [
        ":=", "==", "!=", "<=", ">=", "{", "}", "[", "]", "(", ")", ",", ";", ":", ".", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|",
    ];

    private readonly string text;
    private readonly List<Token> tokens = [];
    private int at;
    private int line = 1;
    private int lineStart;

    private Lexer(string text) => this.text = text;

    private Location Here => new(line, at - lineStart + 1);

    /// <summary>All tokens, the last one being the end.</summary>
    /// <exception cref="RegoCompileException">Something is no token.</exception>
    public static Token[] Run(string text) => new Lexer(text).Run();

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';

    private Token[] Run()
    {
        while (true)
        {
            var before = at;
            var lineBefore = line;
            SkipBlank();
            var adjacent = before == at && at > 0;
            var firstOfLine = line != lineBefore || tokens.Count == 0;
            var location = Here;
            if (at == text.Length)
            {
                tokens.Add(new Token(TokenKind.End, "", location, false, true));
                return [.. tokens];
            }

            var (kind, value) = Next();
            tokens.Add(new Token(kind, value, location, adjacent, firstOfLine));
        }
    }

    private (TokenKind Kind, string Text) Next()
    {
        var c = text[at];
        if (IsNameStart(c))
        {
            var start = at;
            while (at < text.Length && IsNamePart(text[at]))
            {
                at++;
            }

            return (TokenKind.Name, text[start..at]);
        }

        if (char.IsAsciiDigit(c))
        {
            return (TokenKind.Number, Number());
        }

        switch (c)
        {
            case '"':
                return (TokenKind.String, String());
            case '`':
                return (TokenKind.String, RawString());
            case '$' when at + 1 < text.Length && text[at + 1] is '"' or '`':
                throw Error("template strings are not supported");
        }

        foreach (var symbol in Symbols)
        {
            if (string.CompareOrdinal(text, at, symbol, 0, symbol.Length) == 0)
            {
                at += symbol.Length;
                return (TokenKind.Symbol, symbol);
            }
        }

        throw Error(c is '!' ? "unexpected \"!\"" : $"illegal character U+{(int)c:X4}");
    }

    private void SkipBlank()
    {
        while (at < text.Length)
        {
            switch (text[at])
            {
                case '\n':
                    at++;
                    NewLine();
                    break;
                case ' ' or '\t' or '\r':
                    at++;
                    break;
                case '#':
                    var end = text.IndexOf('\n', at);
                    at = end < 0 ? text.Length : end;
                    break;
                default:
                    return;
            }
        }
    }

    private void NewLine()
    {
        line++;
        lineStart = at;
    }

    private string Number()
    {
        var start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'
            || (text[at] is '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]))
            || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E')))
        {
            at++;
        }

        var number = text[start..at];
        if (!RegoNumber.TryParse(number, out _))
        {
            at = start;
            throw Error("illegal number format");
        }

        return number;
    }

    private string RawString()
    {
        var start = at + 1;
        var end = text.IndexOf('`', start);
        if (end < 0)
        {
            throw Error("non-terminated string");
        }

        for (; at < end; at++)
        {
            if (text[at] == '\n')
            {
                line++;
                lineStart = at + 1;
            }
        }

        at++;
        return text[start..end];
    }

    private string String()
    {
        var start = Here;
        var value = new StringBuilder();
        at++;
        while (at < text.Length && text[at] != '\n')
        {
            var c = text[at++];
            switch (c)
            {
                case '"':
                    return value.ToString();
                case '\\' when at < text.Length:
                    value.Append(Escape());
                    break;
                default:
                    value.Append(c);
                    break;
            }
        }

        throw new RegoCompileException(RegoCompileException.Parse, start, "non-terminated string");
    }

    private char Escape()
    {
        switch (text[at++])
        {
            case '"':
                return '"';
            case '\\':
                return '\\';
            case '/':
                return '/';
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u' when at + 4 <= text.Length
                && ushort.TryParse(text.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit):
                at += 4;
                return (char)unit;
            default:
                at -= 2;
                throw Error("illegal escape sequence");
        }
    }

    private RegoCompileException Error(string problem) => new(RegoCompileException.Parse, Here, problem);
}
