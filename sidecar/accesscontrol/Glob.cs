namespace DaprK8s.Sidecar.AccessControl;

/// <summary>A pattern for one segment: <c>*</c> stands for any number of characters, none included; everything else for itself.</summary>
internal static class Glob
{
    /// <summary>
    /// Whether a pattern covers a whole text. Only the latest <c>*</c> is ever tried again, so the cost is bounded by the product of
    /// the lengths whatever the pattern.
    /// </summary>
    /// <param name="pattern">The pattern; lower case if case does not count.</param>
    /// <param name="text">The text.</param>
    /// <param name="ignoreCase">Whether case does not count.</param>
    public static bool IsMatch(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text, bool ignoreCase)
    {
        var (p, t, star, resume) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, resume) = (p++, t);
            }
            else if (p < pattern.Length && pattern[p] == (ignoreCase ? char.ToLowerInvariant(text[t]) : text[t]))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                (p, t) = (star + 1, ++resume);
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*')
        {
            p++;
        }

        return p == pattern.Length;
    }
}
