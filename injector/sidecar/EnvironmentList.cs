namespace DaprK8s.Injector.Sidecar;

/// <summary>
/// Variables in one text, <c>NAME=value,NAME=value</c>. A comma parts two of them only where a name and <c>=</c> follow; any other
/// belongs to the value (contract: k8s 3.8).
/// </summary>
internal static class EnvironmentList
{
    /// <summary>Reads the variables; what has no name or no <c>=</c> is passed over.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(string text)
    {
        if (text.Length == 0)
        {
            return [];
        }

        var entries = new List<KeyValuePair<string, string>>();
        var begin = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == ',' && IsName(text.AsSpan(i + 1)))
            {
                Add(entries, text.AsSpan(begin, i - begin));
                begin = i + 1;
            }
        }

        Add(entries, text.AsSpan(begin));
        return entries;
    }

    private static void Add(List<KeyValuePair<string, string>> entries, ReadOnlySpan<char> entry)
    {
        entry = entry.Trim();
        if (entry.IndexOf('=') is > 0 and var at)
        {
            entries.Add(new(entry[..at].ToString(), entry[(at + 1)..].ToString()));
        }
    }

    // Spaces, then a name of letters, digits and underscores that ends at an equals sign.
    private static bool IsName(ReadOnlySpan<char> text)
    {
        text = text.TrimStart(" \t\n\f\r");
        var length = 0;
        while (length < text.Length && (text[length] == '_' || char.IsAsciiLetter(text[length]) || (length > 0 && char.IsAsciiDigit(text[length]))))
        {
            length++;
        }

        return length > 0 && length < text.Length && text[length] == '=';
    }
}
