namespace DaprK8s.Sidecar.Observability;

/// <summary>
/// The path templates of <c>metrics.http.pathMatching</c>: literal segments, <c>{name}</c>, <c>{name...}</c>, a trailing slash
/// for a prefix, <c>{$}</c> for an exact slash. The most specific match wins (contract: operations 5.6).
/// </summary>
internal sealed class PathPatterns
{
    private const string InvokePrefix = "/v1.0/invoke/{app_id}/method";

    private readonly (string Text, string[] Segments)[] patterns;
    private readonly (string Text, string[] Segments)[] invokePatterns;

    public PathPatterns(IEnumerable<string> texts)
    {
        patterns = [.. Order(texts.Select(Normalise))];
        invokePatterns = [.. Order(patterns.Where(p => !p.Text.StartsWith("/v1.0/", StringComparison.Ordinal)).Select(p => InvokePrefix + p.Text))];
    }

    public string? Match(string path, bool server)
    {
        var segments = Normalise(path).Split('/')[1..];
        return Find(patterns, segments) ?? (server ? Find(invokePatterns, segments) : null);
    }

    private static string? Find((string Text, string[] Segments)[] candidates, string[] path)
    {
        foreach (var (text, segments) in candidates)
        {
            if (Matches(segments, path))
            {
                return text;
            }
        }

        return null;
    }

    private static bool Matches(string[] pattern, string[] path)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            var last = i == pattern.Length - 1;
            if (last && (pattern[i].Length == 0 || pattern[i].EndsWith("...}", StringComparison.Ordinal)))
            {
                return path.Length >= pattern.Length;
            }

            if (last && pattern[i] == "{$}")
            {
                return path.Length == pattern.Length && path[i].Length == 0;
            }

            if (i >= path.Length || !(pattern[i] == path[i] || (pattern[i].StartsWith('{') && path[i].Length > 0)))
            {
                return false;
            }
        }

        return path.Length == pattern.Length;
    }

    private static IEnumerable<(string, string[])> Order(IEnumerable<string> texts)
        => texts.Select(t => (t, t.Split('/')[1..])).OrderByDescending(p => Specificity(p.Item2), StringComparer.Ordinal);

    // Compared segment by segment: a literal before a parameter before a remainder.
    private static string Specificity(string[] segments)
        => string.Concat(segments.Select(s => s.Length == 0 || s.EndsWith("...}", StringComparison.Ordinal) ? '1' : s[0] == '{' ? '2' : '3'));

    private static string Normalise(string path)
    {
        while (path.Contains("//", StringComparison.Ordinal))
        {
            path = path.Replace("//", "/", StringComparison.Ordinal);
        }

        return path.StartsWith('/') ? path : "/" + path;
    }
}
