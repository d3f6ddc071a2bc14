using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>Handles a request that matched a route. Throws <see cref="Errors.DaprException"/> for an error of the API.</summary>
internal delegate ValueTask ApiHandler(HttpContext context, RouteValues route);

/// <summary>A route of the HTTP API.</summary>
/// <param name="Methods">The verbs, for example <c>POST PUT</c>.</param>
/// <param name="Version">The first segment, for example <c>v1.0</c>.</param>
/// <param name="Template">
/// The rest: literal segments, <c>{name}</c> for one segment (query-unescaped), and as the last one <c>{name...}</c> for the remainder.
/// </param>
/// <param name="Name">The endpoint name of obfuscated API logs, for example <c>GetState</c>.</param>
/// <param name="Group">The name in API access rules, for example <c>state</c>.</param>
/// <param name="Handler">Handles the request.</param>
internal sealed record ApiRoute(string Methods, string Version, string Template, string Name, string Group, ApiHandler Handler)
{
    /// <summary>Also served on the public port.</summary>
    public bool IsPublic { get; init; }

    /// <summary>Never refused by the API access list.</summary>
    public bool IsAlwaysAllowed { get; init; }

    /// <summary>Served without the API token.</summary>
    public bool NeedsNoToken { get; init; }

    /// <summary>The version in API access rules: <c>v1.0-alpha1</c> is <c>v1alpha1</c> there.</summary>
    public string GroupVersion => Version == "v1.0" ? "v1" : Version.Replace("v1.0-", "v1", StringComparison.Ordinal);
}

/// <summary>The path parameters of a matched request, unescaped, in template order.</summary>
internal readonly struct RouteValues(ApiRoute route, string first, string second, string third, string fourth)
{
    public ApiRoute Route { get; } = route;

    public string this[int index]
        => index switch { 0 => first, 1 => second, 2 => third, 3 => fourth, _ => throw new ArgumentOutOfRangeException(nameof(index)) };
}
