using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Storage;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>Lists, also in pages: the pages of one list show the same moment, until its history is gone.</summary>
internal sealed class Listing(ObjectStore store, Conversion conversion)
{
    private readonly ConcurrentDictionary<string, Page> pages = new();

    public async Task<JsonObject> AnswerAsync(ApiRequest request, IQueryCollection query, string? accept, CancellationToken cancellationToken)
    {
        var page = (string?)query["continue"] is { Length: > 0 } token
            ? pages.TryRemove(token, out var found) ? found : throw ApiException.Expired(0, store.Revision)
            : First(request, query);
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0 ? asked : int.MaxValue;
        var metadata = new JsonObject { ["resourceVersion"] = page.Revision.ToString(CultureInfo.InvariantCulture) };
        if (page.Items.Count > limit)
        {
            var next = Guid.NewGuid().ToString("N");
            pages[next] = page with { Items = [.. page.Items.Skip(limit)] };
            metadata["continue"] = next;
            metadata["remainingItemCount"] = page.Items.Count - limit;
        }

        var items = await conversion.ToAsync([.. page.Items.Take(limit)], request.Type!, cancellationToken);
        return Representation.For(accept, query["includeObject"]).ListOf(request.Type!, items, metadata);
    }

    /// <summary>Lists that are half told can't be continued any more.</summary>
    public void Expire() => pages.Clear();

    private Page First(ApiRequest request, IQueryCollection query)
    {
        var matches = Selectors.Parse(request.Type!, query["fieldSelector"], query["labelSelector"]);
        var (items, revision) = store.List(request.Type!, request.Namespace);
        return new Page([.. items.Where(matches)], revision);
    }

    private sealed record Page(IReadOnlyList<StoredObject> Items, long Revision);
}
