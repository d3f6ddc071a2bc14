using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Objects;

/// <summary>
/// One of the cluster's own accounts. What others may have a say in, the creation and deletion of pods, goes through admission and
/// under the account's name.
/// </summary>
internal sealed class Account(ClusterObjects objects, string username)
{
    /// <summary>Creates an object.</summary>
    /// <param name="namespace">Its namespace.</param>
    /// <param name="body">The object.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RefusedException">The API server refused; the message is the server's.</exception>
    public async Task<JsonElement> CreateAsync(string @namespace, JsonObject body, CancellationToken cancellationToken)
    {
        body["metadata"]!["namespace"] = @namespace;
        try
        {
            return await objects.CreateAsAsync(body, username, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new RefusedException(e);
        }
    }

    /// <summary>Deletes an object; one that is gone, or whose name another has taken, is deleted.</summary>
    /// <param name="resource">Its qualified name.</param>
    /// <param name="item">The object.</param>
    /// <param name="graceSeconds">How long a pod has; its own time when absent.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RefusedException">The API server refused; the message is the server's.</exception>
    public async Task DeleteAsync(string resource, JsonElement item, int? graceSeconds, CancellationToken cancellationToken)
    {
        if (!IsThere(resource, item))
        {
            return;
        }

        try
        {
            await objects.DeleteAsAsync(resource, item.Namespace(), item.Name(), username, graceSeconds, "Background", cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (IsThere(resource, item))
            {
                throw new RefusedException(e);
            }
        }
    }

    private bool IsThere(string resource, JsonElement item) => objects.Find(resource, item.Namespace(), item.Name())?.Uid() == item.Uid();
}
