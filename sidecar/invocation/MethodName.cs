namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Cleans the method of an invocation (contract: messaging 5.2), so that access control and the app see the same thing:
/// no fragment, query, NUL or control character; slashes collapsed, dot segments resolved, no leading or trailing slash.
/// </summary>
internal static class MethodName
{
    /// <summary>The cleaned method.</summary>
    /// <exception cref="FormatException">It holds a character that it must not; the message begins <c>invalid method: </c>.</exception>
    public static string Normalise(string method)
    {
        for (var i = 0; i < method.Length; i++)
        {
            var c = method[i];
            if (c is '#' or '?' or '\0')
            {
                throw new FormatException($"invalid method: method contains forbidden character: {Quote(c)}");
            }

            if (c is < ' ' or '\x7f')
            {
                throw new FormatException($"invalid method: method contains control character at position {i}: {Quote(c)}");
            }
        }

        return IsClean(method) ? method : Rebuild(method);
    }

    private static bool IsClean(string method)
        => method.Length == 0
            || (method[0] is not ('/' or '.') && method[^1] != '/'
                && !method.Contains("//", StringComparison.Ordinal) && !method.Contains("/.", StringComparison.Ordinal));

    private static string Rebuild(string method)
    {
        List<string> segments = [];
        foreach (var segment in method.Split('/'))
        {
            if (segment == "..")
            {
                if (segments.Count > 0)
                {
                    segments.RemoveAt(segments.Count - 1);
                }
            }
            else if (segment is not ("" or "."))
            {
                segments.Add(segment);
            }
        }

        return string.Join('/', segments);
    }

    // As Go's %q prints a character.
    private static string Quote(char c)
        => c switch
        {
            '\a' => @"'\a'",
            '\b' => @"'\b'",
            '\f' => @"'\f'",
            '\n' => @"'\n'",
            '\r' => @"'\r'",
            '\t' => @"'\t'",
            '\v' => @"'\v'",
            < ' ' or '\x7f' => $@"'\x{(int)c:x2}'",
            _ => $"'{c}'",
        };
}
