using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.Common.Kubernetes;

/// <summary>How a patch is written.</summary>
public enum PatchKind
{
    /// <summary>Operations (RFC 6902).</summary>
    Json,

    /// <summary>The changed members (RFC 7396).</summary>
    Merge,

    /// <summary>The members that the field manager wants to own (server-side apply).</summary>
    Apply,
}

/// <content>Whole lists, patches and deletions.</content>
public sealed partial class KubernetesClient
{
    private const int PageSize = 500;

    /// <summary>Reads a list, page by page.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="scope">Which objects.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="KubernetesException">It may not be read.</exception>
    public Task<IReadOnlyList<T>> ListAsync<T>(ApiResource<T> resource, InformerScope scope, CancellationToken cancellationToken)
        where T : class
        => ListAsync(resource, scope, static _ => true, cancellationToken);

    /// <summary>Reads an object by its name; from a server that serves the kind in lists only, and says nothing of the name, out of a list.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="scope">The only namespace that may be listed; nothing for the whole cluster.</param>
    /// <param name="namespace">The object's namespace.</param>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="KubernetesException">It is not there, or may not be read.</exception>
    public async Task<T> GetOrFindAsync<T>(ApiResource<T> resource, string? scope, string @namespace, string name, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await GetAsync(resource, @namespace, name, cancellationToken);
        }
        catch (KubernetesException e) when (e.IsObjectMissing && e.Reason.Length == 0)
        {
            var selected = new InformerScope { Namespace = scope, FieldSelector = $"metadata.namespace={@namespace},metadata.name={name}" };
            var found = await ListAsync(resource, selected, i => IsNamed(i, @namespace, name), cancellationToken);
            if (found is [var only, ..])
            {
                return only;
            }

            throw;
        }
    }

    private static bool IsNamed(JsonElement item, string @namespace, string name)
        => item.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object
            && metadata.TryGetProperty("namespace", out var ns) && ns.ValueEquals(@namespace) && metadata.TryGetProperty("name", out var own) && own.ValueEquals(name);

    // A server that knows no selectors sends more than was asked for.
    private async Task<IReadOnlyList<T>> ListAsync<T>(ApiResource<T> resource, InformerScope scope, Func<JsonElement, bool> isWanted, CancellationToken cancellationToken)
        where T : class
    {
        List<T> found = [];
        var token = "";
        do
        {
            using var limit = new CancellationTokenSource(CallTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
            var query = scope.Query([$"limit={PageSize}", token.Length > 0 ? $"continue={Uri.EscapeDataString(token)}" : ""]);
            using var response = await OpenListAsync(resource, scope.Namespace, query, scope.MetadataOnly, either.Token);
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            using var page = await JsonDocument.ParseAsync(stream, default, either.Token);
            if (page.RootElement.TryGetProperty("items", out var items) && items.ValueKind == JsonValueKind.Array)
            {
                found.AddRange(items.EnumerateArray().Where(isWanted).Select(i => i.Deserialize(resource.Json)!));
            }

            token = page.RootElement.TryGetProperty("metadata", out var metadata) && metadata.TryGetProperty("continue", out var next) ? next.GetString() ?? "" : "";
        }
        while (token.Length > 0);

        return found;
    }

    /// <summary>Changes an object in part.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="namespace">Its namespace; nothing for kinds without.</param>
    /// <param name="name">Its name.</param>
    /// <param name="kind">How the patch is written.</param>
    /// <param name="patch">The patch.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <param name="fieldManager">Who changes it; needed for <see cref="PatchKind.Apply"/>, which then takes fields over from others.</param>
    /// <param name="subresource">Such as <c>status</c>; nothing for the object itself.</param>
    /// <returns>It as the server made it.</returns>
    /// <exception cref="KubernetesException">It was refused.</exception>
    public Task<T> PatchAsync<T>(
        ApiResource<T> resource,
        string? @namespace,
        string name,
        PatchKind kind,
        JsonNode patch,
        CancellationToken cancellationToken,
        string? fieldManager = null,
        string? subresource = null)
    {
        var path = resource.Path(@namespace, name) + (subresource is null ? "" : $"/{subresource}");
        var query = fieldManager is null ? "" : $"?fieldManager={Uri.EscapeDataString(fieldManager)}{(kind == PatchKind.Apply ? "&force=true" : "")}";
        var form = kind switch
        {
            PatchKind.Json => "application/json-patch+json",
            PatchKind.Merge => "application/merge-patch+json",
            _ => "application/apply-patch+yaml",
        };
        var body = JsonSerializer.SerializeToUtf8Bytes(patch, ApiJson.Default.JsonNode);
        return CallAsync(resource, ApiCall.On(resource, "patch", @namespace, subresource ?? ""), HttpMethod.Patch, path + query, body, cancellationToken, contentType: form);
    }

    /// <summary>Deletes an object.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="namespace">Its namespace; nothing for kinds without.</param>
    /// <param name="name">Its name.</param>
    /// <param name="uid">Only if it is still this one; another is a conflict.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="KubernetesException">It was refused, or is not there.</exception>
    public async Task DeleteAsync<T>(ApiResource<T> resource, string? @namespace, string name, string? uid, CancellationToken cancellationToken)
    {
        var body = uid is null ? default : JsonSerializer.SerializeToUtf8Bytes(
            new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions", ["preconditions"] = new JsonObject { ["uid"] = uid } }, ApiJson.Default.JsonNode);
        using var limit = new CancellationTokenSource(CallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        using var response = await SendAsync(
            ApiCall.On(resource, "delete", @namespace), HttpMethod.Delete, resource.Path(@namespace, name), body, Json, either.Token);
    }
}
