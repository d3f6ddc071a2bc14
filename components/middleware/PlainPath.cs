namespace DaprK8s.Components.Middleware;

/// <summary>
/// The one form behind the many ways to write a path (<c>//</c>, <c>/./</c>, <c>%2F</c>, <c>%2e%2e</c>), for decisions that must
/// not be walked around by writing it otherwise.
/// </summary>
internal static class PlainPath
{
    /// <summary>The path without escapes, empty and dot segments; the same instance when it is plain already.</summary>
    public static string Of(string path)
    {
        if (IsPlain(path))
        {
            return path;
        }

        List<string> segments = [];
        foreach (var segment in Decode(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
            {
                segments.RemoveRange(Math.Max(0, segments.Count - 1), Math.Min(1, segments.Count));
            }
            else if (segment != ".")
            {
                segments.Add(segment);
            }
        }

        return "/" + string.Join('/', segments);
    }

    private static bool IsPlain(string path)
        => !path.Contains('%', StringComparison.Ordinal) && !path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal);

    // An escape of an escape is one of whoever decodes next.
    private static string Decode(string path)
    {
        for (var i = 0; i < 3 && path.Contains('%', StringComparison.Ordinal); i++)
        {
            path = Uri.UnescapeDataString(path);
        }

        return path;
    }
}
