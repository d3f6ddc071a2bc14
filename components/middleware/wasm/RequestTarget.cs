using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>Path and query of a request as they stand on the wire: escaped, as guests read and write them.</summary>
internal static class RequestTarget
{
    public static string Read(HttpRequest request)
    {
        // As it was sent, unless a middleware has rewritten the path since.
        if (request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } raw && raw[0] == '/')
        {
            var (path, query) = Split(raw);
            if (PathString.FromUriComponent(path) == request.PathBase.Add(request.Path) && query == (request.QueryString.Value ?? ""))
            {
                return raw;
            }
        }

        var rewritten = request.PathBase.Add(request.Path).ToUriComponent();
        return (rewritten.Length == 0 ? "/" : rewritten) + request.QueryString.ToUriComponent();
    }

    /// <exception cref="GuestFaultException">It is no path.</exception>
    public static void Write(HttpRequest request, string target)
    {
        if (target.Length == 0)
        {
            target = "/";
        }

        if (target[0] != '/' || target.AsSpan().ContainsAnyExceptInRange('!', '~') || target.Contains('#', StringComparison.Ordinal))
        {
            throw new GuestFaultException("the guest set a URI that is no path");
        }

        var (path, query) = Split(target);
        request.PathBase = PathString.Empty;
        request.Path = PathString.FromUriComponent(path);
        request.QueryString = new QueryString(query.Length > 1 ? query : null);
        if (request.HttpContext.Features.Get<IHttpRequestFeature>() is { } feature)
        {
            feature.RawTarget = target;
        }
    }

    private static (string Path, string Query) Split(string target)
    {
        var mark = target.IndexOf('?', StringComparison.Ordinal);
        return mark < 0 ? (target, "") : (target[..mark], target[mark..]);
    }
}
