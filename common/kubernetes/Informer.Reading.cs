using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace DaprK8s.Common.Kubernetes;

/// <content>The two calls: list and watch.</content>
public sealed partial class Informer<T>
{
    private const int PageSize = 500;

    private static readonly TimeSpan ListTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ShortestWatch = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    /// <summary>Brings the copy up to date, page by page.</summary>
    /// <returns>The version that it then shows.</returns>
    private async Task<string> ListAsync(CancellationToken cancellationToken)
    {
        var seen = new HashSet<(string, string)>();
        string? token = null;
        string version;
        try
        {
            do
            {
                (version, token) = await ListPageAsync(token, PageSize, seen, cancellationToken);
            }
            while (!string.IsNullOrEmpty(token));
        }
        catch (KubernetesException e) when (e.IsExpired && token is not null)
        {
            // So slow that the moment of the first page is gone: all at once then.
            seen.Clear();
            (version, _) = await ListPageAsync(null, 0, seen, cancellationToken);
        }

        foreach (var key in objects.Keys)
        {
            if (!seen.Contains(key))
            {
                Remove(key);
            }
        }

        return version;
    }

    private async Task<(string Version, string? Continue)> ListPageAsync(
        string? token, int limit, HashSet<(string, string)> seen, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(ListTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            using var response = await client.OpenListAsync(
                resource,
                scope.Namespace,
                Query(limit > 0 ? $"limit={limit}" : "", token is null ? "" : $"continue={Uri.EscapeDataString(token)}"),
                scope.MetadataOnly,
                either.Token);
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            using var list = await JsonDocument.ParseAsync(stream, default, either.Token);
            foreach (var item in Items(list.RootElement))
            {
                Take(item, out var key);
                seen.Add(key);
            }

            return list.RootElement.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object
                ? (Text(metadata, "resourceVersion"), Text(metadata, "continue"))
                : ("", null);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"listing {resource.QualifiedName} took more than {ListTimeout.TotalSeconds:0} s");
        }
    }

    /// <summary>Applies changes as they come, and yields each version that the copy has reached.</summary>
    private async IAsyncEnumerable<string> WatchAsync(string from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The server ends the watch; our own limit only finds a server that does not.
        var length = ShortestWatch * (1 + Random.Shared.NextDouble());
        using var limit = new CancellationTokenSource(length + Grace, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        using var response = await client.OpenWatchAsync(
            resource,
            scope.Namespace,
            Query(
                $"resourceVersion={Uri.EscapeDataString(from)}",
                "allowWatchBookmarks=true",
                string.Create(CultureInfo.InvariantCulture, $"timeoutSeconds={(int)length.TotalSeconds}")),
            scope.MetadataOnly,
            either.Token);
        using var stream = await response.Content.ReadAsStreamAsync(either.Token);
        isWatching = true;
        Recover();
        await foreach (var (type, json) in WatchLines.ReadAsync(stream, either.Token))
        {
            if (type == "ERROR")
            {
                throw KubernetesException.FromStatus(ApiCall.On(resource, "watch", scope.Namespace), json, (int)HttpStatusCode.InternalServerError);
            }

            if (type == "DELETED")
            {
                Remove(KeyOf(json));
            }
            else if (type != "BOOKMARK")
            {
                Take(json, out _);
            }

            yield return Text(json.GetProperty("metadata"), "resourceVersion");
        }
    }

    // An empty list may be null in a server's words.
    private static IEnumerable<JsonElement> Items(JsonElement list)
        => list.TryGetProperty("items", out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [];

    private string Query(params ReadOnlySpan<string> parts) => scope.Query(parts);
}
