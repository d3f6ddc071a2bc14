namespace DaprK8s.Common.Text;

/// <summary>The two ways in which the contract reads booleans (contract: components 2.4).</summary>
public static class Truthy
{
    /// <summary>True for <c>y, yes, true, t, on, 1</c> in any case, spaces around ignored; everything else, also nothing, is false.</summary>
    public static bool IsTruthy(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        return text.Length is > 0 and <= 4
            && (Is(text, "true") || Is(text, "1") || Is(text, "yes") || Is(text, "y") || Is(text, "t") || Is(text, "on"));
    }

    /// <summary>Reads exactly the spellings of Go's <c>strconv.ParseBool</c>: <c>1 t T TRUE true True 0 f F FALSE false False</c>.</summary>
    public static bool TryParseStrict(ReadOnlySpan<char> text, out bool value)
    {
        value = text is "1" or "t" or "T" or "TRUE" or "true" or "True";
        return value || text is "0" or "f" or "F" or "FALSE" or "false" or "False";
    }

    private static bool Is(ReadOnlySpan<char> text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);
}
