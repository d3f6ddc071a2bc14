using System.Text;

namespace DaprK8s.Sidecar.App;

/// <summary>Builds the URL of a call from a base, a cleaned method and a query.</summary>
internal static class AppUrl
{
    private const string Allowed = "-._~!$&'()*+,;=:@/%";

    private static readonly UriCreationOptions AsWritten = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>The URL; what may not stand in a path is escaped, existing escapes are kept.</summary>
    /// <exception cref="FormatException">A percent sign begins no escape, or the base is no URL.</exception>
    public static Uri Build(string baseUrl, string method, string query)
    {
        var path = EscapePath(method);
        var slash = path.StartsWith('/') ? "" : "/";
        var text = query.Length == 0 ? $"{baseUrl}{slash}{path}" : $"{baseUrl}{slash}{path}?{query}";
        return Uri.TryCreate(text, in AsWritten, out var uri) ? uri : throw new FormatException($"\"{text}\" is no valid URL");
    }

    internal static string EscapePath(string path)
    {
        var clean = true;
        for (var i = 0; i < path.Length && clean; i++)
        {
            clean = IsAllowed(path[i]);
            if (path[i] == '%' && (i + 2 >= path.Length || !char.IsAsciiHexDigit(path[i + 1]) || !char.IsAsciiHexDigit(path[i + 2])))
            {
                throw new FormatException($"invalid URL escape \"{path[i..Math.Min(i + 3, path.Length)]}\"");
            }
        }

        return clean ? path : Escape(path);
    }

    private static string Escape(string path)
    {
        var text = new StringBuilder(path.Length + 16);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in path.EnumerateRunes())
        {
            if (rune.IsAscii && IsAllowed((char)rune.Value))
            {
                text.Append((char)rune.Value);
                continue;
            }

            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                text.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        return text.ToString();
    }

    private static bool IsAllowed(char c) => char.IsAsciiLetterOrDigit(c) || Allowed.Contains(c);
}
