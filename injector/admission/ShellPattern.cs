namespace DaprK8s.Injector.Admission;

/// <summary>
/// A pattern as shells know it, for a whole text: <c>*</c> for any characters, <c>?</c> for one, <c>[a-z]</c> for one of a set
/// (<c>[^a-z]</c> for one outside), <c>\</c> before a character that stands for itself.
/// </summary>
internal sealed class ShellPattern
{
    private readonly string pattern;

    /// <summary>Checks a pattern.</summary>
    /// <exception cref="FormatException">A set has no end or no members, or nothing follows a backslash.</exception>
    public ShellPattern(string pattern)
    {
        this.pattern = pattern;
        for (var i = 0; i < pattern.Length;)
        {
            i = pattern[i] == '*' ? i + 1 : Step(i, '\0', out _);
        }
    }

    /// <summary>Whether a text is as the pattern says.</summary>
    public bool IsMatch(ReadOnlySpan<char> text)
    {
        // Only the last star needs to be tried again: what came before it has matched as early as it could.
        var (at, i, star, resume) = (0, 0, -1, 0);
        while (i < text.Length)
        {
            if (at < pattern.Length && pattern[at] == '*')
            {
                (star, resume) = (++at, i);
            }
            else if (at < pattern.Length && Step(at, text[i], out var matches) is var next && matches)
            {
                (at, i) = (next, i + 1);
            }
            else if (star >= 0)
            {
                (at, i) = (star, ++resume);
            }
            else
            {
                return false;
            }
        }

        return pattern.AsSpan(at).IndexOfAnyExcept('*') < 0;
    }

    // Matches one character, and answers where the pattern goes on.
    private int Step(int at, char c, out bool matches)
    {
        switch (pattern[at])
        {
            case '?':
                matches = true;
                return at + 1;
            case '[':
                return Set(at + 1, c, out matches);
            default:
                matches = Literal(ref at) == c;
                return at;
        }
    }

    private int Set(int at, char c, out bool matches)
    {
        var isNegated = at < pattern.Length && (pattern[at] is '^' or '!');
        at += isNegated ? 1 : 0;
        var begin = at;
        var found = false;
        while (at < pattern.Length && pattern[at] != ']')
        {
            var low = Literal(ref at);
            var high = low;
            if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                at++;
                high = Literal(ref at);
            }

            found |= c >= low && c <= high;
        }

        if (at >= pattern.Length || at == begin)
        {
            throw new FormatException("syntax error in pattern");
        }

        matches = found != isNegated;
        return at + 1;
    }

    private char Literal(ref int at)
    {
        if (pattern[at] == '\\' && ++at >= pattern.Length)
        {
            throw new FormatException("syntax error in pattern");
        }

        return pattern[at++];
    }
}
