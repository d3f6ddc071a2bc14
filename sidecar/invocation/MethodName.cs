using System.Buffers;
using System.Text;
using DaprK8s.Common.Text;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Cleans the method of an invocation (contract: security 3.6), so that access control and the app see the same thing: no fragment,
/// query, NUL or control character; slashes collapsed, dot segments resolved, no trailing slash. A leading slash stays. Nothing is
/// decoded here.
/// </summary>
internal static class MethodName
{
    private static readonly SearchValues<char> Forbidden = SearchValues.Create("#?\0");
    private static readonly SearchValues<char> Control = SearchValues.Create([.. Enumerable.Range(1, 31).Select(c => (char)c), '\x7f']);

    /// <summary>The cleaned method.</summary>
    /// <exception cref="FormatException">It holds a character that it must not; the message begins <c>invalid method: </c>.</exception>
    public static string Normalise(string method)
    {
        if (method.AsSpan().ContainsAny(Forbidden))
        {
            throw new FormatException($"invalid method: method contains forbidden character: {GoQuote.Quote(method)}");
        }

        if (method.AsSpan().IndexOfAny(Control) is var index && index >= 0)
        {
            // The position is told in bytes.
            var position = Encoding.UTF8.GetByteCount(method.AsSpan(0, index));
            throw new FormatException($"invalid method: method contains control character at position {position}: {GoQuote.Quote(method)}");
        }

        return Clean(method);
    }

    /// <summary>
    /// Collapses slashes and resolves dot segments without a look at the characters. Over HTTP this comes first: what a path leaves
    /// again by <c>..</c> is no part of the method, and is not objected to.
    /// </summary>
    public static string Clean(string method) => IsClean(method) ? method : Rebuild(method);

    private static bool IsClean(string method)
        => method.Length == 0
            || (method[0] != '.' && (method[^1] != '/' || method.Length == 1)
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

        var clean = string.Join('/', segments);
        return method[0] == '/' ? "/" + clean : clean;
    }
}
