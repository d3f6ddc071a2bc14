using System.Collections.Frozen;
using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Observability;

/// <summary>
/// The <c>method</c> and <c>path</c> labels of HTTP metrics (contract: operations 5.6). Unless
/// <c>http.increasedCardinality</c> is set, the user's part of an invocation path shows as <c>{method}</c>, because it holds
/// ids without end; <c>true</c> brings the reference's raw paths, <c>false</c> hides paths.
/// </summary>
internal sealed class HttpPathLabel
{
    private static readonly FrozenSet<string> Verbs =
        new[] { "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH" }.ToFrozenSet();

    private static readonly FrozenSet<string> Callbacks = new[] { "/dapr/config", "/dapr/metrics", "/dapr/subscribe", "/healthz" }.ToFrozenSet();

    private readonly bool? increased;
    private readonly bool excludeVerbs;
    private readonly PathPatterns? patterns;

    public HttpPathLabel(MetricHttpSpec? spec)
    {
        increased = spec?.IncreasedCardinality;
        excludeVerbs = spec?.ExcludeVerbs ?? false;
        patterns = spec?.PathMatching is { Count: > 0 } list ? new PathPatterns(list) : null;
    }

    /// <summary>Paths are left out, and with them <c>dapr_http_server_response_count</c>.</summary>
    public bool IsLowCardinality => increased == false;

    public string Method(string verb) => excludeVerbs ? "" : Verbs.Contains(verb) ? verb : "UNKNOWN";

    /// <summary>The label of a request to the API.</summary>
    public string ForServer(string path)
    {
        if (patterns?.Match(path, server: true) is { } pattern)
        {
            return pattern;
        }

        return increased == false ? (Callbacks.Contains(path) ? path : "") : Convert(path);
    }

    /// <summary>The label of a call to the app. <paramref name="path"/> is what the app is asked for.</summary>
    public string ForApp(string path)
    {
        if (patterns?.Match(path, server: false) is { } pattern)
        {
            return pattern;
        }

        if (Callbacks.Contains(path))
        {
            return path;
        }

        return increased switch
        {
            false => "",
            true => path,
            null => "/{method}",
        };
    }

    private string Convert(string path)
    {
        var parts = path.Split('/', 8);
        if (parts.Length < 4)
        {
            return Known(parts) ? path : increased == true ? path : "/{method}";
        }

        var version = parts[1];
        switch (parts[2])
        {
            case "invoke" when increased != true:
                return $"/{version}/invoke/{parts[3]}/method/{{method}}";
            case "state" or "secrets":
                return parts.Length > 4 && parts[4] is "bulk" or "transaction" or "query" ? $"/{version}/{parts[2]}/{parts[3]}/{parts[4]}" : $"/{version}/{parts[2]}/{parts[3]}";
            case "actors" when parts.Length > 5:
                return $"/{version}/actors/{parts[3]}/{{id}}/{parts[5]}";
            case "workflows" when parts.Length > 5 && parts[5] == "raiseEvent":
                return $"/{version}/workflows/{parts[3]}/{{instanceId}}/raiseEvent/{{eventName}}";
            case "workflows" when parts.Length > 5 && parts[5] != "start":
                return $"/{version}/workflows/{parts[3]}/{{instanceId}}/{parts[5]}";
            case "workflows" when parts.Length == 5:
                return $"/{version}/workflows/{parts[3]}/{{instanceId}}";
            default:
                return Known(parts) || increased == true ? path : "/{method}";
        }
    }

    private static bool Known(string[] parts) => parts.Length > 2 && parts[1].StartsWith("v1.0", StringComparison.Ordinal) && parts[2] != "invoke";
}
