using DaprK8s.Components;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>Request metadata given in the query: every parameter that begins <c>metadata.</c> (contract: api 1.2).</summary>
internal static class QueryMetadata
{
    private const string Prefix = "metadata.";

    /// <summary>The parameters without their prefix, first value each; the shared empty dictionary when there are none.</summary>
    public static IReadOnlyDictionary<string, string> Read(HttpRequest request)
    {
        if (!request.QueryString.HasValue || !request.QueryString.Value!.Contains(Prefix, StringComparison.Ordinal))
        {
            return EmptyMetadata.Instance;
        }

        Dictionary<string, string>? metadata = null;
        foreach (var (name, values) in request.Query)
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal))
            {
                (metadata ??= []).TryAdd(name[Prefix.Length..], values.Count > 0 ? values[0] ?? "" : "");
            }
        }

        return metadata ?? EmptyMetadata.Instance;
    }

    /// <summary>Lays the query's entries over those of the body.</summary>
    public static IReadOnlyDictionary<string, string> Merge(
        IReadOnlyDictionary<string, string> body, IReadOnlyDictionary<string, string> query)
    {
        if (query.Count == 0)
        {
            return body;
        }

        if (body.Count == 0)
        {
            return query;
        }

        var merged = body.ToDictionary();
        foreach (var (name, value) in query)
        {
            merged[name] = value;
        }

        return merged;
    }
}
