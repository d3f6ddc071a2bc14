using System.Text.RegularExpressions;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware;

/// <summary>
/// Which paths a middleware concerns itself with: those that a regular expression matches anywhere, or all. A path that merely is
/// written otherwise must not walk around the filter, so that it is matched in its plain form too.
/// </summary>
internal sealed class PathFilter
{
    public static readonly MetadataField<string> Field = Metadata.Field.Text(
        "pathFilter", "Regular expression; requests whose path it does not match pass untouched.");

    private readonly Regex? pattern;

    private PathFilter(Regex? pattern) => this.pattern = pattern;

    /// <exception cref="ComponentMetadataException">The text is no regular expression.</exception>
    public static PathFilter Read(ComponentMetadata metadata)
        => new(metadata.Get(Field) is { Length: > 0 } text
            ? MiddlewareRegex.Compile(Field.Name, text, "Parameter 'pathFilter' is not a valid regex")
            : null);

    public bool Matches(HttpRequest request)
    {
        if (pattern is null)
        {
            return true;
        }

        var path = request.Path.Value ?? "";
        return pattern.IsMatch(path) || (PlainPath.Of(path) is var plain && !ReferenceEquals(plain, path) && pattern.IsMatch(plain));
    }
}
