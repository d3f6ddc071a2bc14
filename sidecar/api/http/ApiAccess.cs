using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// The API access list of a Configuration (<c>spec.api</c>; contract: api 1.7 and 2.3, security 4.4). Deny wins; once allow
/// rules exist for a protocol, only what they name is served there.
/// </summary>
internal sealed class ApiAccess
{
    private readonly ApiAccessRule[] allowed;
    private readonly ApiAccessRule[] denied;

    private ApiAccess(ApiAccessRule[] allowed, ApiAccessRule[] denied) => (this.allowed, this.denied) = (allowed, denied);

    /// <summary>The rules for HTTP; their protocol is compared without case.</summary>
    public static ApiAccess ForHttp(ApiSpec? spec)
        => Create(spec, r => string.Equals(r.Protocol, "http", StringComparison.OrdinalIgnoreCase));

    /// <summary>The rules for gRPC that name a known group; their protocol must read exactly <c>grpc</c>.</summary>
    public static ApiAccess ForGrpc(ApiSpec? spec, Func<string, bool> isKnownGroup)
        => Create(spec, r => r.Protocol == "grpc" && isKnownGroup($"{r.Name}.{r.Version}"));

    /// <summary>Whether an HTTP route is served.</summary>
    public bool Allows(ApiRoute route)
        => route.IsAlwaysAllowed || (!denied.Any(r => Matches(r, route)) && (allowed.Length == 0 || allowed.Any(r => Matches(r, route))));

    /// <summary>Whether what no rule names is refused.</summary>
    public bool IsClosed => allowed.Length > 0;

    /// <summary>Whether a gRPC group such as <c>state.v1</c> is served.</summary>
    public bool Allows(string group)
        => !denied.Any(r => $"{r.Name}.{r.Version}" == group) && (allowed.Length == 0 || allowed.Any(r => $"{r.Name}.{r.Version}" == group));

    private static ApiAccess Create(ApiSpec? spec, Func<ApiAccessRule, bool> applies)
        => new([.. (spec?.Allowed ?? []).Where(applies)], [.. (spec?.Denied ?? []).Where(applies)]);

    // Either group and version, or the older form: version and the beginning of the route's path, character by character.
    private static bool Matches(ApiAccessRule rule, ApiRoute route)
        => (rule.Name == route.Group && rule.Version == route.GroupVersion)
            || (rule.Version == route.Version && route.Template.StartsWith(rule.Name, StringComparison.Ordinal));
}
