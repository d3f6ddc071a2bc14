using System.Collections.Frozen;
using System.Net;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>A path parameter has a broken percent escape (400, plain text).</summary>
internal sealed class BadPathParameterException(string name, string cause)
    : Exception($"failed to unescape request parameter \"{name}\". Error: {cause}");

/// <summary>
/// Finds the route of a cleaned, escaped path. Literal segments win over parameters, so <c>state/s/bulk</c> is the bulk API
/// and not a key. Built once; matching allocates only the unescaped parameters.
/// </summary>
internal sealed class ApiRouter
{
    private readonly FrozenDictionary<string, Candidate[]> byHead;
    private readonly FrozenDictionary<string, Candidate[]>.AlternateLookup<ReadOnlySpan<char>> lookup;

    public ApiRouter(IEnumerable<ApiRoute> routes)
    {
        byHead = routes.Select(r => new Candidate(r))
            .GroupBy(c => c.Head)
            .ToFrozenDictionary(g => g.Key, g => g.OrderByDescending(c => c.Literals).ToArray(), StringComparer.Ordinal);
        lookup = byHead.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Matches verb and path.</summary>
    /// <exception cref="BadPathParameterException">A parameter can't be unescaped.</exception>
    public bool TryMatch(string method, string path, out RouteValues values)
    {
        if (FindHead(path, out var rest) is { } candidates)
        {
            foreach (var candidate in candidates)
            {
                if (candidate.AllowsMethod(method) && candidate.TryMatch(path, rest, out values))
                {
                    return true;
                }
            }
        }

        values = default;
        return false;
    }

    /// <summary>Whether another verb would match, for the public port's 405.</summary>
    public bool MatchesOtherMethod(string path)
        => FindHead(path, out var rest) is { } candidates && candidates.Any(c => c.TryMatch(path, rest, out _));

    // The head is "v1.0/state": version and first segment.
    private Candidate[]? FindHead(string path, out int rest)
    {
        rest = path.Length;
        var version = path.IndexOf('/', 1);
        if (version < 0)
        {
            return null;
        }

        var end = path.IndexOf('/', version + 1);
        rest = end < 0 ? path.Length : end;
        return lookup.TryGetValue(path.AsSpan(1, rest - 1), out var candidates) ? candidates : null;
    }

    private sealed class Candidate
    {
        private readonly ApiRoute route;
        private readonly string[] methods;
        private readonly string[] segments;

        public Candidate(ApiRoute route)
        {
            this.route = route;
            methods = route.Methods.Split(' ');
            var all = route.Template.Split('/');
            Head = $"{route.Version}/{all[0]}";
            segments = all[1..];
            Literals = segments.Count(s => s[0] != '{');
        }

        public string Head { get; }

        public int Literals { get; }

        public bool AllowsMethod(string method)
        {
            foreach (var allowed in methods)
            {
                if (allowed == method || allowed == "*")
                {
                    return true;
                }
            }

            return false;
        }

        public bool TryMatch(string path, int at, out RouteValues values)
        {
            values = default;
            Span<(int Start, int Length)> found = stackalloc (int, int)[4];
            Span<int> names = stackalloc int[4];
            var count = 0;
            for (var i = 0; i < segments.Length; i++)
            {
                if (at >= path.Length)
                {
                    return false;
                }

                var start = at + 1;
                var template = segments[i];
                var remainder = template.EndsWith("...}", StringComparison.Ordinal);
                var end = remainder ? path.Length : path.IndexOf('/', start) is var e && e < 0 ? path.Length : e;
                if (template[0] == '{')
                {
                    names[count] = i;
                    found[count++] = (start, end - start);
                }
                else if (!path.AsSpan(start, end - start).SequenceEqual(template))
                {
                    return false;
                }

                at = end;
            }

            if (at != path.Length)
            {
                return false;
            }

            values = new RouteValues(
                route,
                count > 0 ? Unescape(segments[names[0]], path.AsSpan(found[0].Start, found[0].Length)) : "",
                count > 1 ? Unescape(segments[names[1]], path.AsSpan(found[1].Start, found[1].Length)) : "",
                count > 2 ? Unescape(segments[names[2]], path.AsSpan(found[2].Start, found[2].Length)) : "",
                count > 3 ? Unescape(segments[names[3]], path.AsSpan(found[3].Start, found[3].Length)) : "");
            return true;
        }

        // Parameters are query-unescaped: a plus sign is a space (contract: api 1.2).
        private static string Unescape(string template, ReadOnlySpan<char> text)
        {
            if (text.IndexOfAny('%', '+') < 0)
            {
                return text.ToString();
            }

            for (var i = text.IndexOf('%'); i >= 0 && i < text.Length; i++)
            {
                if (text[i] == '%' && (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])))
                {
                    throw new BadPathParameterException(template.Trim('{', '}', '.'), $"invalid URL escape \"{text[i..Math.Min(i + 3, text.Length)]}\"");
                }
            }

            return WebUtility.UrlDecode(text.ToString());
        }
    }
}
