namespace DaprK8s.Common.Text.Cel;

/// <summary>Splits a CEL expression into words (<see href="https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax"/>).</summary>
internal ref struct CelLexer(string text)
{
    private static readonly string[] Operators =
        ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"];

    private int position;

    /// <summary>The next word.</summary>
    /// <exception cref="FormatException">What follows is none.</exception>
    public CelToken Next()
    {
        SkipSpace();
        if (position >= text.Length)
        {
            return new(CelTokenKind.End, "", position);
        }

        var start = position;
        var c = text[start];
        if (char.IsAsciiDigit(c) || (c == '.' && start + 1 < text.Length && char.IsAsciiDigit(text[start + 1])))
        {
            return Number(start);
        }

        if (c is '"' or '\'' || IsPrefixedString(start))
        {
            return String(start);
        }

        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] == '_'))
            {
                position++;
            }

            var word = text[start..position];
            return new(word is "true" or "false" or "null" ? CelTokenKind.Literal : CelTokenKind.Identifier, word, start);
        }

        foreach (var candidate in Operators)
        {
            if (text.AsSpan(start).StartsWith(candidate, StringComparison.Ordinal))
            {
                position += candidate.Length;
                return new(CelTokenKind.Operator, candidate, start);
            }
        }

        var hint = c switch
        {
            '=' => "; equality is ==",
            '&' => "; 'and' is &&",
            '|' => "; 'or' is ||",
            _ => "",
        };
        throw new FormatException($"unexpected character '{c}' at position {start + 1}{hint}");
    }

    private void SkipSpace()
    {
        while (position < text.Length)
        {
            if (text[position] is ' ' or '\t' or '\n' or '\r' or '\f')
            {
                position++;
            }
            else if (text.AsSpan(position).StartsWith("//", StringComparison.Ordinal))
            {
                position = text.IndexOf('\n', position) is var end and >= 0 ? end : text.Length;
            }
            else
            {
                break;
            }
        }
    }

    private CelToken Number(int start)
    {
        if (text.AsSpan(start).StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            position += 2;
            Skip(char.IsAsciiHexDigit);
        }
        else
        {
            Skip(char.IsAsciiDigit);
            if (position + 1 < text.Length && text[position] == '.' && char.IsAsciiDigit(text[position + 1]))
            {
                position++;
                Skip(char.IsAsciiDigit);
            }

            if (position < text.Length && text[position] is 'e' or 'E')
            {
                position++;
                position += position < text.Length && text[position] is '+' or '-' ? 1 : 0;
                Skip(char.IsAsciiDigit);
            }
        }

        position += position < text.Length && text[position] is 'u' or 'U' ? 1 : 0;
        return position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] == '_')
            ? throw new FormatException($"a number at position {start + 1} runs into \"{text[position]}\"")
            : new(CelTokenKind.Literal, text[start..position], start);
    }

    private void Skip(Func<char, bool> isPart)
    {
        while (position < text.Length && isPart(text[position]))
        {
            position++;
        }
    }

    private readonly bool IsPrefixedString(int start)
    {
        var length = 0;
        while (length < 2 && start + length < text.Length && text[start + length] is 'r' or 'R' or 'b' or 'B')
        {
            length++;
        }

        return length > 0 && start + length < text.Length && text[start + length] is '"' or '\'';
    }

    private CelToken String(int start)
    {
        var isRaw = false;
        while (text[position] is not ('"' or '\''))
        {
            isRaw |= text[position] is 'r' or 'R';
            position++;
        }

        var quote = text[position].ToString();
        var triple = string.Concat(quote, quote, quote);
        var end = text.AsSpan(position).StartsWith(triple, StringComparison.Ordinal) ? triple : quote;
        for (position += end.Length; position < text.Length; position++)
        {
            if (text.AsSpan(position).StartsWith(end, StringComparison.Ordinal))
            {
                position += end.Length;
                return new(CelTokenKind.Literal, text[start..position], start);
            }

            if (text[position] is '\n' or '\r' && end.Length == 1)
            {
                break;
            }

            position += text[position] == '\\' && !isRaw ? 1 : 0;
        }

        throw new FormatException($"the string that begins at position {start + 1} does not end; {quote} is missing");
    }
}
