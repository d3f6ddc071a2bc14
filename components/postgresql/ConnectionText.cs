using System.Text;

namespace DaprK8s.Components.PostgreSql;

/// <summary>
/// Reads the two forms of a libpq connection string, <c>keyword=value</c> pairs and <c>postgres://</c> URLs, into keywords
/// (<see href="https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING"/>). Messages of failures never
/// repeat any of the text, which holds a password.
/// </summary>
internal static class ConnectionText
{
    private static readonly string[] Schemes = ["postgres://", "postgresql://"];

    /// <summary>Reads either form; the later of two equal keywords wins.</summary>
    /// <exception cref="FormatException">The text is of neither form.</exception>
    public static Dictionary<string, string> Parse(string text)
    {
        foreach (var scheme in Schemes)
        {
            if (text.StartsWith(scheme, StringComparison.Ordinal))
            {
                return ParseUrl(text[scheme.Length..]);
            }
        }

        return ParseKeywords(text);
    }

    // Words that are no pair are passed over, as the reference does.
    private static Dictionary<string, string> ParseKeywords(string text)
    {
        var pairs = NewPairs();
        var at = 0;
        while (true)
        {
            SkipSpace(text, ref at);
            if (at == text.Length)
            {
                return pairs;
            }

            var start = at;
            while (at < text.Length && text[at] != '=' && !char.IsWhiteSpace(text[at]))
            {
                at++;
            }

            var keyword = text[start..at];
            var end = at;
            SkipSpace(text, ref at);
            if (at == text.Length || text[at] != '=')
            {
                at = end;
                continue;
            }

            at++;
            if (keyword.Length == 0)
            {
                throw new FormatException("a value without a keyword");
            }

            SkipSpace(text, ref at);
            pairs[keyword] = TakeValue(text, ref at);
        }
    }

    private static string TakeValue(string text, ref int at)
    {
        var quoted = at < text.Length && text[at] == '\'';
        if (quoted)
        {
            at++;
        }

        var value = new StringBuilder();
        while (at < text.Length)
        {
            var c = text[at];
            if (quoted ? c == '\'' : char.IsWhiteSpace(c))
            {
                at++;
                return value.ToString();
            }

            if (c == '\\')
            {
                if (++at == text.Length)
                {
                    throw new FormatException("a value ends with a backslash");
                }

                c = text[at];
            }

            value.Append(c);
            at++;
        }

        return quoted ? throw new FormatException("a quoted value does not end") : value.ToString();
    }

    private static Dictionary<string, string> ParseUrl(string rest)
    {
        var pairs = NewPairs();
        var query = "";
        if (rest.IndexOf('?', StringComparison.Ordinal) is >= 0 and var mark)
        {
            query = rest[(mark + 1)..];
            rest = rest[..mark];
        }

        if (rest.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash)
        {
            var database = rest[(slash + 1)..];
            if (database.Contains('@', StringComparison.Ordinal))
            {
                // Most likely a password with a slash; going on would take a part of it for the host and show that in errors.
                throw new FormatException("reserved characters in user name and password must be percent-encoded");
            }

            Add(pairs, "database", database);
            rest = rest[..slash];
        }

        if (rest.LastIndexOf('@') is >= 0 and var sign)
        {
            var login = rest[..sign];
            rest = rest[(sign + 1)..];
            var colon = login.IndexOf(':', StringComparison.Ordinal);
            Add(pairs, "user", colon < 0 ? login : login[..colon]);
            Add(pairs, "password", colon < 0 ? "" : login[(colon + 1)..]);
        }

        Add(pairs, "host", rest);
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new FormatException("a parameter without a value");
            }

            pairs[Unescape(pair[..equals])] = Unescape(pair[(equals + 1)..].Replace('+', ' '));
        }

        return pairs;

        static void Add(Dictionary<string, string> pairs, string keyword, string value)
        {
            if (value.Length > 0)
            {
                pairs[keyword] = Unescape(value);
            }
        }
    }

    private static string Unescape(string text)
    {
        for (var at = text.IndexOf('%', StringComparison.Ordinal); at >= 0; at = text.IndexOf('%', at + 1))
        {
            if (at + 2 >= text.Length || !char.IsAsciiHexDigit(text[at + 1]) || !char.IsAsciiHexDigit(text[at + 2]))
            {
                throw new FormatException("invalid URL escape");
            }
        }

        return Uri.UnescapeDataString(text);
    }

    private static void SkipSpace(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }
    }

    private static Dictionary<string, string> NewPairs() => new(StringComparer.Ordinal);
}
