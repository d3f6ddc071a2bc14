namespace DaprK8s.Sidecar.Tracing;

/// <summary>Checks a <c>baggage</c> header (W3C Baggage, section 3.3). Valid baggage is handed on as it came.</summary>
internal static class Baggage
{
    private const int MaxBytes = 8192;
    private const int MaxMembers = 180;
    private const string TokenMarks = "!#$%&'*+-.^_`|~";

    /// <summary>What is wrong with it, or <see langword="null"/>.</summary>
    public static string? Validate(string header)
    {
        if (header.Length > MaxBytes)
        {
            return $"baggage is longer than {MaxBytes} bytes";
        }

        var members = header.Split(',');
        if (members.Length > MaxMembers)
        {
            return $"baggage has more than {MaxMembers} members";
        }

        foreach (var member in members)
        {
            var pair = member.Split(';', 2)[0];
            var equals = pair.IndexOf('=');
            if (equals <= 0)
            {
                return $"invalid baggage list-member: \"{pair.Trim()}\"";
            }

            if (!IsToken(pair[..equals].Trim()))
            {
                return $"invalid key: \"{pair[..equals].Trim()}\"";
            }

            if (!IsValue(pair[(equals + 1)..].Trim()))
            {
                return $"invalid value: \"{pair[(equals + 1)..].Trim()}\"";
            }
        }

        return null;
    }

    private static bool IsToken(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !TokenMarks.Contains(c))
            {
                return false;
            }
        }

        return text.Length > 0;
    }

    private static bool IsValue(string text)
    {
        foreach (var c in text)
        {
            if (c is < '!' or > '~' or '"' or ',' or ';' or '\\')
            {
                return false;
            }
        }

        return true;
    }
}
