namespace DaprK8s.Operator.Validation;

/// <summary>Finds what somebody probably meant.</summary>
internal static class Suggestion
{
    /// <summary><c>; did you mean x?</c>, or empty when nothing is near.</summary>
    public static string For(string word, IEnumerable<string> candidates)
        => Nearest(word, candidates) is { } nearest ? $"; did you mean {nearest}?" : "";

    /// <summary>The candidate with the fewest edits, when they are few for the length of the word.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        string? best = null;
        var limit = Math.Max(1, word.Length / 4) + 1;
        foreach (var candidate in candidates)
        {
            if (Math.Abs(candidate.Length - word.Length) < limit && Distance(word, candidate) is var distance && distance < limit)
            {
                (best, limit) = (candidate, distance);
            }
        }

        return best;
    }

    /// <summary>Edits between two words without regard to case: a letter more, less, another, or two swapped.</summary>
    private static int Distance(string a, string b)
    {
        var (beforeLast, last, current) = (new int[b.Length + 1], new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++)
        {
            last[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                current[j] = Math.Min(Math.Min(last[j], current[j - 1]) + 1, last[j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    current[j] = Math.Min(current[j], beforeLast[j - 2] + 1);
                }
            }

            (beforeLast, last, current) = (last, current, beforeLast);
        }

        return last[b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
