using System.Text;
using System.Text.RegularExpressions;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware;

/// <summary>
/// Which paths a middleware concerns itself with: those a regular expression matches anywhere, or all. The cost of a match grows
/// with the path's length only, whatever the pattern (no backtracking).
/// </summary>
/// <remarks>
/// A path that merely is written otherwise (<c>//</c>, <c>%2F</c>, <c>/./</c>) must not walk around the filter, so that such a path
/// is concerned too when its plain form is.
/// </remarks>
internal sealed class PathFilter
{
    public static readonly MetadataField<string> Field = Metadata.Field.Text(
        "pathFilter", "Regular expression; requests whose path it does not match pass untouched.");

    private readonly Regex? pattern;

    private PathFilter(Regex? pattern) => this.pattern = pattern;

    /// <exception cref="ComponentMetadataException">The text is no regular expression.</exception>
    public static PathFilter Read(ComponentMetadata metadata)
    {
        var text = metadata.Get(Field);
        try
        {
            return new PathFilter(text.Length == 0 ? null : new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ComponentMetadataException(Field.Name, $"Parameter 'pathFilter' is not a valid regex: {e.Message}");
        }
    }

    public bool Matches(HttpRequest request)
    {
        if (pattern is null)
        {
            return true;
        }

        var path = request.Path.Value ?? "";
        if (pattern.IsMatch(path))
        {
            return true;
        }

        var plain = Plain(path);
        return !plain.Equals(path, StringComparison.Ordinal) && pattern.IsMatch(plain);
    }

    // Encoded slashes decoded (all else is already), empty and dot segments resolved.
    private static string Plain(string path)
    {
        if (!path.Contains("%2F", StringComparison.OrdinalIgnoreCase)
            && !path.Contains("//", StringComparison.Ordinal)
            && !path.Contains("/.", StringComparison.Ordinal))
        {
            return path;
        }

        List<string> segments = [];
        foreach (var segment in path.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == ".." && segments.Count > 0)
            {
                segments.RemoveAt(segments.Count - 1);
            }
            else if (segment is not ("." or ".."))
            {
                segments.Add(segment);
            }
        }

        var plain = new StringBuilder(path.Length).Append('/').AppendJoin('/', segments);
        return (path.EndsWith('/') && segments.Count > 0 ? plain.Append('/') : plain).ToString();
    }
}
