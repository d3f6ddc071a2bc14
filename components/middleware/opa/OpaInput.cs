using System.Text;
using DaprK8s.Components.Rego;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware.Opa;

/// <summary>The document that a policy sees of a request: <c>input.request</c> (contract: security 6).</summary>
/// <param name="headers">The names of the headers to show, in their canonical form.</param>
internal sealed class OpaInput(string[] headers)
{
    private static readonly RegoValue[] Fields =
        [Key("body"), Key("headers"), Key("method"), Key("path"), Key("path_parts"), Key("query"), Key("raw_query"), Key("scheme")];

    private static readonly RegoValue[] Request = [Key("request")];

    private readonly RegoString[] headerKeys = Array.ConvertAll(headers, h => new RegoString(h));

    /// <summary>Makes the document.</summary>
    /// <param name="request">The request.</param>
    /// <param name="body">Its body, or nothing.</param>
    public RegoObject Of(HttpRequest request, ReadOnlySpan<byte> body)
    {
        // The server leaves an escaped slash in the path alone, but whoever splits the path later may not.
        var path = (request.PathBase + request.Path).Value ?? "";
        path = path.Contains('%', StringComparison.Ordinal) ? path.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase) : path;
        var query = request.QueryString.HasValue ? request.QueryString.Value![1..] : "";
        var fields = RegoObject.Of(
            Fields,
            [
                body.IsEmpty ? RegoString.Empty : new RegoString(Encoding.UTF8.GetString(body)),
                Headers(request),
                new RegoString(request.Method),
                new RegoString(path),
                new RegoArray(Array.ConvertAll(path.Trim('/').Split('/'), RegoValue (p) => new RegoString(p))),
                Query(query),
                new RegoString(query),
                new RegoString(request.Scheme),
            ],
            out _);
        return RegoObject.Of(Request, [fields], out _);
    }

    private static RegoString Key(string name) => new(name);

    private RegoObject Headers(HttpRequest request)
    {
        if (headerKeys.Length == 0)
        {
            return RegoObject.Empty;
        }

        List<KeyValuePair<RegoValue, RegoValue>> shown = [];
        foreach (var key in headerKeys)
        {
            if (request.Headers.TryGetValue(key.Value, out var values) && values.Count > 0)
            {
                shown.Add(new(key, new RegoString(string.Join(", ", values.ToArray()))));
            }
        }

        return RegoObject.Of(shown);
    }

    /// <summary>The query's values by name; what is no valid part of a query is left out.</summary>
    private static RegoObject Query(string query)
    {
        if (query.Length == 0)
        {
            return RegoObject.Empty;
        }

        var values = new Dictionary<string, List<RegoValue>>(StringComparer.Ordinal);
        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (!part.Contains(';', StringComparison.Ordinal)
                && UrlFunctions.Decode(equals < 0 ? part : part[..equals]) is { } name
                && UrlFunctions.Decode(equals < 0 ? "" : part[(equals + 1)..]) is { } value)
            {
                if (!values.TryGetValue(name, out var all))
                {
                    values[name] = all = [];
                }

                all.Add(new RegoString(value));
            }
        }

        return RegoObject.Of([.. values.Select(v => KeyValuePair.Create<RegoValue, RegoValue>(new RegoString(v.Key), new RegoArray([.. v.Value])))]);
    }
}
