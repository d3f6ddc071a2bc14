using System.Collections.Frozen;
using System.Text;
using System.Text.RegularExpressions;

namespace DaprK8s.Components.Middleware.RouterAlias;

/// <summary>
/// Aliases and the paths they stand for. Aliases without variables are looked up first; the others are tried in the order in which
/// they are written.
/// </summary>
internal sealed class RouteTable
{
    private readonly FrozenDictionary<string, string> exact;
    private readonly Pattern[] patterns;

    /// <exception cref="Metadata.ComponentMetadataException">An alias is ill-formed.</exception>
    public RouteTable(IReadOnlyList<KeyValuePair<string, string>> routes)
    {
        exact = routes.Where(r => !r.Key.Contains('{')).DistinctBy(r => r.Key).ToFrozenDictionary(StringComparer.Ordinal);
        patterns = [.. routes.Where(r => r.Key.Contains('{')).Select(r => Pattern.Parse(r.Key, r.Value))];
    }

    /// <summary>The path that an alias stands for, and the values of the alias's variables.</summary>
    public (string Target, IReadOnlyList<KeyValuePair<string, string>> Variables)? Find(string path)
    {
        if (exact.TryGetValue(path, out var target))
        {
            return (target, []);
        }

        foreach (var pattern in patterns)
        {
            if (pattern.Expression.Match(path) is { Success: true } match)
            {
                return (pattern.Target, [.. pattern.Names.Select((name, i) => new KeyValuePair<string, string>(name, match.Groups[$"v{i}"].Value))]);
            }
        }

        return null;
    }

    private sealed record Pattern(Regex Expression, string[] Names, string Target)
    {
        // "{name}" is one segment or a part of it, "{name:expression}" whatever the expression takes.
        public static Pattern Parse(string alias, string target)
        {
            var text = new StringBuilder(@"\A");
            List<string> names = [];
            var at = 0;
            while (at < alias.Length)
            {
                var open = alias.IndexOf('{', at);
                text.Append(Regex.Escape(open < 0 ? alias[at..] : alias[at..open]));
                if (open < 0)
                {
                    break;
                }

                var close = FindClose(alias, open);
                var parts = alias[(open + 1)..close].Split(':', 2);
                text.Append("(?<v").Append(names.Count).Append('>').Append(parts.Length > 1 ? $"(?:{parts[1]})" : "[^/]+").Append(')');
                names.Add(parts[0].Trim());
                at = close + 1;
            }

            text.Append(@"\z");
            return new Pattern(MiddlewareRegex.Compile(RouterAliasMiddleware.RoutesName, text.ToString(), $"invalid path pattern '{alias}'"), [.. names], target);
        }

        private static int FindClose(string alias, int open)
        {
            var depth = 0;
            for (var i = open; i < alias.Length; i++)
            {
                depth += alias[i] switch { '{' => 1, '}' => -1, _ => 0 };
                if (depth == 0)
                {
                    return i;
                }
            }

            throw new Metadata.ComponentMetadataException(RouterAliasMiddleware.RoutesName, $"invalid path pattern '{alias}': unbalanced braces");
        }
    }
}
