namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// Cleans a request's path before routing (contract: api 1.2): repeated slashes collapse, dot segments are resolved on the
/// escaped form (so that <c>%2F</c> stays inside its segment), a trailing slash is dropped.
/// </summary>
internal static class RequestPath
{
    /// <summary>The cleaned, still escaped path with one leading slash; <c>/</c> for nothing.</summary>
    public static string Clean(string escaped) => IsClean(escaped) ? escaped : Rebuild(escaped);

    private static bool IsClean(string path)
    {
        if (path.Length == 0 || path[0] != '/' || (path.Length > 1 && path[^1] == '/'))
        {
            return path == "/";
        }

        return !path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal);
    }

    private static string Rebuild(string path)
    {
        List<Range> segments = [];
        foreach (var range in path.AsSpan().Split('/'))
        {
            switch (path.AsSpan()[range])
            {
                case "" or ".":
                    break;
                case "..":
                    if (segments.Count > 0)
                    {
                        segments.RemoveAt(segments.Count - 1);
                    }

                    break;
                default:
                    segments.Add(range);
                    break;
            }
        }

        return "/" + string.Join('/', segments.Select(r => path[r]));
    }
}
