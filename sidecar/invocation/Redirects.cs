using System.Net;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Where an external service sends its caller next (contract: security 4.11, checklist 25). Followed here and not by
/// <see cref="SocketsHttpHandler"/>, which would take a resource's secret headers along to whatever host an answer names.
/// </summary>
internal static class Redirects
{
    /// <summary>As many as are followed.</summary>
    public const int Most = 10;

    private static readonly string[] Credentials = ["Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "WWW-Authenticate"];

    /// <summary>The next address, or nothing for an answer that is to be passed on.</summary>
    public static Uri? Next(HttpResponseMessage response, Uri from)
    {
        if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
        {
            return null;
        }

        var told = response.Headers.NonValidated.TryGetValues("Location", out var values) ? values.ToString() : "";
        return Uri.TryCreate(told, UriKind.RelativeOrAbsolute, out var location) && Uri.TryCreate(from, location, out var next)
            && (next.Scheme == from.Scheme || (from.Scheme == Uri.UriSchemeHttp && next.Scheme == Uri.UriSchemeHttps))
            && next.Host.Length > 0
            ? next
            : null;
    }

    /// <summary>Whether a request goes on with its verb and its body, or as a GET without one.</summary>
    public static bool KeepsBody(HttpStatusCode status, string verb)
        => status is HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect || verb is "GET" or "HEAD";

    public static bool IsSameOrigin(Uri one, Uri other)
        => one.Scheme == other.Scheme && one.Port == other.Port && one.Host.Equals(other.Host, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a header of the caller speaks for it, and must not reach another origin.</summary>
    public static bool IsCredential(string name) => Credentials.Contains(name, StringComparer.OrdinalIgnoreCase);
}
