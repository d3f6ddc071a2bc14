using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>CORS for <c>--allowed-origins</c> (contract: api 1.5); with the default, an empty list, there is no instance at all.</summary>
internal sealed class Cors
{
    private const string Methods = "HEAD, GET, POST, PUT, PATCH, DELETE";

    private readonly bool any;
    private readonly string[] origins;

    private Cors(string[] origins)
    {
        this.origins = origins;
        any = origins.Contains("*");
    }

    /// <summary>Reads the flag; nothing in it yields <see langword="null"/>.</summary>
    public static Cors? Create(string allowedOrigins)
        => allowedOrigins.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } list ? new Cors(list) : null;

    /// <summary>Adds the headers.</summary>
    /// <returns>Whether the request was a preflight, which is answered by that.</returns>
    public bool Apply(HttpContext context)
    {
        var request = context.Request;
        var origin = request.Headers.Origin.ToString();
        var allowed = origin.Length > 0 && IsAllowed(origin);
        if (!HttpMethods.IsOptions(request.Method) || !request.Headers.ContainsKey("Access-Control-Request-Method"))
        {
            context.Response.Headers.Append("Vary", "Origin");
            if (allowed)
            {
                context.Response.Headers["Access-Control-Allow-Origin"] = any ? "*" : origin;
            }

            return false;
        }

        var response = context.Response;
        response.StatusCode = 200;
        response.Headers["Vary"] = new[] { "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers" };
        var method = request.Headers["Access-Control-Request-Method"].ToString();
        if (allowed && Methods.Split(", ").Contains(method, StringComparer.OrdinalIgnoreCase))
        {
            response.Headers["Access-Control-Allow-Origin"] = any ? "*" : origin;
            response.Headers["Access-Control-Allow-Methods"] = method.ToUpperInvariant();
            if (request.Headers["Access-Control-Request-Headers"] is { Count: > 0 } headers)
            {
                response.Headers["Access-Control-Allow-Headers"] = headers;
            }
        }

        return true;
    }

    private bool IsAllowed(string origin) => any || origins.Any(o => Matches(o, origin));

    private static bool Matches(string pattern, string origin)
    {
        var star = pattern.IndexOf('*');
        return star < 0
            ? pattern.Equals(origin, StringComparison.OrdinalIgnoreCase)
            : origin.Length >= pattern.Length - 1
                && origin.StartsWith(pattern[..star], StringComparison.OrdinalIgnoreCase)
                && origin.EndsWith(pattern[(star + 1)..], StringComparison.OrdinalIgnoreCase);
    }
}
